//! What the library tells, copied out of the structs that it fills.

use std::mem;
use std::os::raw::c_char;

use crate::error::check;
use crate::{raw, text, Result};

/// A struct of the library that begins with its size.
///
/// # Safety
/// Zeros are a value of it.
pub(crate) unsafe trait Plain: Copy {}

/// The struct that a `_get` or an `_init` fills.
pub(crate) fn filled<T: Plain>(get: impl FnOnce(*mut T, usize) -> raw::cifar_status) -> Result<T> {
    // SAFETY: zeros are a value.
    let mut info = unsafe { mem::zeroed() };
    check(get(&mut info, mem::size_of::<T>()))?;
    Ok(info)
}

fn same<T>(value: T) -> T {
    value
}

fn flag(value: i32) -> bool {
    value != 0
}

/// # Safety
/// `text` is NULL or a C string.
unsafe fn lines(text: *const c_char) -> Vec<String> {
    // SAFETY: the caller's promise.
    unsafe { text::owned(text) }.lines().map(str::to_owned).collect()
}

use text::{copied, owned};

/// Each field is made of that of the same name by the function behind it.
macro_rules! infos {
    ($($(#[$doc:meta])* $name:ident of $raw:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $convert:ident,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        // SAFETY: it has numbers and pointers only.
        unsafe impl Plain for raw::$raw {}

        impl $name {
            /// # Safety
            /// The library filled it, and what its strings belong to lives.
            #[allow(unused_unsafe)]
            pub(crate) unsafe fn new(raw: &raw::$raw) -> $name {
                // SAFETY: its strings are NULL or C strings.
                unsafe { $name { $($field: $convert(raw.$field),)* } }
            }
        }
    )*};
}

infos! {
    /// How far the epoch under way is.
    BatchInfo of cifar_batch_info {
        /// From 1.
        epoch: u32 = same,
        /// At most.
        epochs: u32 = same,
        /// Batches done in this epoch.
        batch: u32 = same,
        /// In an epoch.
        batches: u32 = same,
        /// Training images seen in this epoch.
        images: u64 = same,
        /// Mean over them.
        loss: f64 = same,
        /// 0 to 1.
        accuracy: f64 = same,
        /// Of the batch.
        learning_rate: f64 = same,
        /// That they took.
        seconds: f64 = same,
    }

    /// What a pass over the validation images came to.
    ValidationInfo of cifar_validation_info {
        /// From 1.
        epoch: u32 = same,
        /// Validation images.
        images: u64 = same,
        /// Mean over them.
        loss: f64 = same,
        /// 0 to 1.
        accuracy: f64 = same,
        /// That it took.
        seconds: f64 = same,
    }

    /// An epoch that has ended.
    EpochInfo of cifar_epoch_info {
        /// From 1.
        epoch: u32 = same,
        /// Mean over the images as they were trained on.
        train_loss: f64 = same,
        /// 0 to 1.
        train_accuracy: f64 = same,
        /// NaN where nothing was validated.
        val_loss: f64 = same,
        /// 0 to 1; NaN likewise.
        val_accuracy: f64 = same,
        /// That the epoch was trained with.
        learning_rate: f64 = same,
        /// The whole epoch, validation included.
        seconds: f64 = same,
        /// Training images, validation left out.
        images_per_second: f64 = same,
        /// Processor time of all threads of the process; NaN where it is not known.
        cpu_seconds: f64 = same,
        /// Bytes that the process had resident at most, since it began; NaN likewise.
        peak_memory: f64 = same,
        /// The best so far by the recipe's measure. Only while training.
        is_best: bool = flag,
    }

    /// What waits because others hold the registry.
    StorageInfo of cifar_storage_info {
        /// That wait to be stored; 0 where only the run's end does.
        epochs: u32 = same,
        /// For which others hold it.
        seconds: f64 = same,
        /// Until nobody waits any more; -1 while it trains.
        seconds_left: f64 = same,
    }

    /// Where a trainer stands.
    TrainerInfo of cifar_trainer_info {
        /// Completed epochs.
        epoch: u32 = same,
        /// At most.
        epochs: u32 = same,
        /// Batches done in the epoch under way; 0 between epochs.
        batch: u32 = same,
        /// In an epoch.
        batches: u32 = same,
        /// That compute.
        threads: u32 = same,
        /// Optimizer steps since the run began.
        step: u64 = same,
        /// Numbers that are trained.
        parameters: u64 = same,
        /// A UUID; none without a registry.
        run_id: Option<String> = copied,
        /// Its file; none without one.
        registry: Option<String> = copied,
        /// The complete set, a JSON object.
        hyperparameters: String = owned,
        /// Why training ended, in words; none before.
        end_reason: Option<String> = copied,
        /// "terminate_on_nan" ended it; its run is "failed".
        has_diverged: bool = flag,
    }

    /// How good a model is on a data set.
    Evaluation of cifar_evaluation {
        /// Mean cross-entropy, natural logarithm.
        loss: f64 = same,
        /// 0 to 1.
        accuracy: f64 = same,
        /// Images.
        count: usize = same,
        /// The label is among the five most probable classes; 0 to 1.
        top5_accuracy: f64 = same,
        /// The mean of the classes' F1; 0 to 1.
        macro_f1: f64 = same,
        /// Where the accuracy on all such images lies, with 95 % confidence: from here
        accuracy_low: f64 = same,
        /// to here.
        accuracy_high: f64 = same,
        /// The model's weights were chosen on these images, or on some of them.
        chose_epoch: bool = flag,
    }

    /// How good the network is that a training ended with.
    FinalResult of cifar_final_result {
        /// Of the test images, as a part of the training images was validated on; else of those that
        /// were validated on.
        is_of_test_images: bool = flag,
        /// Whose weights they are, from 1.
        epoch: u32 = same,
        /// At other epochs of the run that looked at the test images.
        earlier_looks: u32 = same,
        /// Measured on.
        images: u64 = same,
        /// Mean cross-entropy, natural logarithm.
        loss: f64 = same,
        /// 0 to 1.
        accuracy: f64 = same,
        /// 95 % interval of the accuracy: from here
        accuracy_low: f64 = same,
        /// to here.
        accuracy_high: f64 = same,
        /// With the run's test-time augmentation; NaN without one.
        augmented_loss: f64 = same,
        /// Likewise.
        augmented_accuracy: f64 = same,
        /// The weights were chosen on these images.
        chose_epoch: bool = flag,
    }

    /// A run in one line.
    RunInfo of cifar_run_info {
        /// Recorded.
        epochs: u32 = same,
        /// At most.
        epochs_planned: f64 = same,
        /// A UUID.
        id: String = owned,
        /// What people call it.
        name: Option<String> = copied,
        /// running, completed, stopped, interrupted, failed or crashed.
        status: String = owned,
        /// Whose hyperparameters it began with.
        recipe: String = owned,
        /// cifar10, shapes or memory.
        dataset: String = owned,
        /// ISO 8601, UTC.
        started: String = owned,
        /// Seconds in all its sessions together.
        duration_s: f64 = same,
        /// 0 to 1; NaN before the first epoch.
        best_val_accuracy: f64 = same,
        /// NaN likewise.
        best_val_loss: f64 = same,
        /// Of the last epoch; NaN likewise.
        last_val_accuracy: f64 = same,
        /// Likewise.
        last_val_loss: f64 = same,
        /// Sorted.
        tags: Vec<String> = lines,
        /// The id of the run that it was forked from.
        parent: Option<String> = copied,
        /// Such as the seeds of one configuration.
        group: Option<String> = copied,
    }

    /// A stored checkpoint.
    CheckpointInfo of cifar_checkpoint_info {
        /// Completed epochs.
        epoch: u32 = same,
        /// Batches done in the next one; 0 between epochs.
        batch: u32 = same,
        /// The best of the run.
        is_best: bool = flag,
        /// Unique in the file.
        id: i64 = same,
        /// Optimizer steps since the run began.
        step: u64 = same,
        /// Bytes.
        size: u64 = same,
        /// Lowercase hexadecimal.
        sha256: String = owned,
        /// ISO 8601, UTC.
        created: String = owned,
        /// Retention never takes it.
        is_pinned: bool = flag,
        /// The run was resumed from an earlier point since.
        is_superseded: bool = flag,
    }

    /// A value that was recorded beside the epochs.
    MetricInfo of cifar_metric_info {
        /// From 1.
        epoch: u32 = same,
        /// As it was recorded.
        name: String = owned,
        /// As it was recorded.
        value: f64 = same,
    }

    /// A remark about a run.
    NoteInfo of cifar_note_info {
        /// ISO 8601, UTC.
        created: String = owned,
        /// Of any number of lines.
        text: String = owned,
    }

    /// A start or a resume of a run: the program that trained and what it ran in.
    SessionInfo of cifar_session_info {
        /// That computed.
        threads: u32 = same,
        /// ISO 8601, UTC.
        started: String = owned,
        /// None while it runs, and where its process is gone without a word.
        ended: Option<String> = copied,
        /// Seconds; of one that runs, so far.
        duration_s: f64 = same,
        /// As in `RunInfo`.
        status: String = owned,
        /// Why it ended, in words; empty while it runs.
        reason: String = owned,
        /// Completed epochs of the checkpoint that it went on from; -1: it is the run's start.
        resumed_epoch: i64 = same,
        /// Batches done in the next epoch; -1 likewise.
        resumed_batch: i64 = same,
        /// The machine's name.
        host: String = owned,
        /// The process there.
        pid: i64 = same,
        /// Of the library.
        library_version: String = owned,
        /// Of the kernels, which the bits of a result depend on.
        instruction_set: String = owned,
        /// Empty for none.
        command_line: String = owned,
        /// None if it is not known.
        working_directory: Option<String> = copied,
        /// That was checked out there; none without, or if it is not known.
        git_commit: Option<String> = copied,
        /// A JSON object: processor, memory, limits, versions of packages and more; none where it
        /// was not noted.
        environment: Option<String> = copied,
    }

    /// What `Registry::merge` came to.
    MergeInfo of cifar_merge_info {
        /// Runs that were not there before.
        added: u32 = same,
        /// Runs that were, and have what they lacked.
        updated: u32 = same,
        /// Runs that lacked nothing.
        unchanged: u32 = same,
        /// Runs that were left out, as they went on in both files.
        conflicts: u32 = same,
        /// Checkpoints that were copied.
        checkpoints: u32 = same,
    }
}
