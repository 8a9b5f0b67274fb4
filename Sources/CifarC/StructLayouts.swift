// Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.
// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCifar

extension cifar_dataset_options: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.split, \.channels, \.height, \.width, \.classes, \.count,
    \.images, \.labels, \.class_names, \.sample_weights)
}

extension cifar_dataset_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.split, \.count, \.classes, \.name, \.location, \.channels,
    \.height, \.width)
}

extension cifar_train_options: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.epochs, \.batch_size, \.threads, \.learning_rate, \.seed,
    \.recipe, \.name, \.registry, \.record, \.keep_last, \.command_line, \.keep_every, \.tags,
    \.hyperparameters, \.model, \.busy_timeout, \.init_model, \.init_source, \.group, \.init_from,
    \.init_bytes, \.init_size, \.packages, \.no_patch, \.tensorboard, \.is_only_of_its_seed)
}

extension cifar_member_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.is_over, \.run_id, \.is_running)
}

extension cifar_lr_point: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.step, \.steps, \.learning_rate, \.loss, \.smoothed_loss)
}

extension cifar_lr_find_options: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.steps, \.start, \.end, \.on_step, \.user)
}

extension cifar_lr_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.has_diverged, \.count, \.suggestion, \.steepest, \.minimum,
    \.reason)
}

extension cifar_resume_options: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.epochs, \.threads, \.checkpoint, \.registry, \.data_location,
    \.command_line, \.take_over, \.busy_timeout, \.packages, \.no_patch, \.tensorboard)
}

extension cifar_rerun_options: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.threads, \.name, \.registry, \.data_location, \.init_from,
    \.tags, \.group, \.command_line, \.packages, \.busy_timeout, \.keep_last, \.keep_every,
    \.no_patch)
}

extension cifar_epoch_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.epoch, \.train_loss, \.train_accuracy, \.val_loss,
    \.val_accuracy, \.learning_rate, \.seconds, \.images_per_second, \.cpu_seconds, \.peak_memory,
    \.is_best)
}

extension cifar_trainer_callbacks: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.user, \.on_train_begin, \.on_epoch_begin, \.on_batch_begin,
    \.on_batch_end, \.on_validation_begin, \.on_validation_end, \.on_epoch_end, \.on_storage_wait,
    \.on_train_end)
}

extension cifar_peers: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.rank, \.count, \.local_batch_norm, \.user, \.all_to_all,
    \.all_gather, \.broadcast)
}

extension cifar_trainer_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.epoch, \.epochs, \.batch, \.batches, \.threads, \.step,
    \.parameters, \.run_id, \.registry, \.hyperparameters, \.end_reason, \.has_diverged)
}

extension cifar_final_result: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.is_of_test_images, \.epoch, \.earlier_looks, \.images, \.loss,
    \.accuracy, \.accuracy_low, \.accuracy_high, \.augmented_loss, \.augmented_accuracy,
    \.chose_epoch)
}

extension cifar_model_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.classes, \.epoch, \.parameters, \.hyperparameters, \.channels,
    \.height, \.width)
}

extension cifar_evaluation: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.loss, \.accuracy, \.count, \.top5_accuracy, \.macro_f1,
    \.accuracy_low, \.accuracy_high, \.chose_epoch)
}

extension cifar_export_options: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.names, \.keep_batch_norm)
}

extension cifar_import_options: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.threads, \.model, \.recipe, \.hyperparameters, \.class_names)
}

extension cifar_model_spec_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.layers, \.classes, \.parameters, \.non_trainable, \.flops)
}

extension cifar_run_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.epochs, \.epochs_planned, \.id, \.name, \.status, \.recipe,
    \.dataset, \.started, \.duration_s, \.best_val_accuracy, \.best_val_loss, \.last_val_accuracy,
    \.last_val_loss, \.tags, \.parent, \.group)
}

extension cifar_run_query: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.ascending, \.filter, \.sort, \.limit, \.trash)
}

extension cifar_checkpoint_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.epoch, \.batch, \.is_best, \.id, \.step, \.size, \.sha256,
    \.created, \.is_pinned, \.is_superseded)
}

extension cifar_metric_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.epoch, \.name, \.value)
}

extension cifar_note_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.created, \.text)
}

extension cifar_session_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.threads, \.started, \.ended, \.duration_s, \.status, \.reason,
    \.resumed_epoch, \.resumed_batch, \.host, \.pid, \.library_version, \.instruction_set,
    \.command_line, \.working_directory, \.git_commit, \.environment)
}

extension cifar_merge_info: Growing {
  static let layout = StructLayout(
    of: Self.self, \.struct_size, \.added, \.updated, \.unchanged, \.conflicts, \.checkpoints)
}
