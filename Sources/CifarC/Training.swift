// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore
import CifarRegistry
import CifarTraining

extension cifar_train_options {
  static var defaults: cifar_train_options {
    var options = cifar_train_options()
    options.struct_size = UInt32(MemoryLayout<cifar_train_options>.size)
    options.record = 1
    options.keep_last = 2
    options.busy_timeout = 600
    return options
  }

  /// - Parameter classes: of the images.
  func complete(classes: Int) throws -> Hyperparameters {
    var result = try Recipe.named(
      Argument.text(recipe, "options.recipe") ?? "pytorch", classes: classes)
    if epochs != 0 { result.epochs = Int(epochs) }
    if batch_size != 0 { result.batchSize = Int(batch_size) }
    if learning_rate != 0 { result.optimizer.learningRate = learning_rate }
    result.seed = seed
    if let overrides = try Argument.text(
      hyperparameters, "options.hyperparameters", atMost: Argument.Longest.json)
    {
      try result.apply(overrides: overrides)
    }
    if let model = try Argument.text(model, "options.model", atMost: Argument.Longest.json) {
      try result.choose(model: model, classes: classes)
    }
    return result
  }

  func sessionOptions() throws -> TrainingSession.Options {
    let path =
      try Argument.text(registry, "options.registry", atMost: Argument.Longest.path)
      ?? Registry.defaultPath()
    var session = TrainingSession.Options(
      registryPath: record == 0 ? nil : path, name: try Argument.text(name, "options.name"),
      threads: try Argument.threads(threads), keepLast: Int(keep_last),
      commandLine: try Argument.text(
        command_line, "options.command_line", atMost: Argument.Longest.note) ?? "",
      keepEvery: Int(keep_every),
      tags: (try Argument.text(tags, "options.tags", atMost: Argument.Longest.list) ?? "")
        .split(separator: "\n").map(String.init))
    session.busyTimeout = busy_timeout
    return session
  }
}

extension cifar_resume_options {
  static var defaults: cifar_resume_options {
    var options = cifar_resume_options()
    options.struct_size = UInt32(MemoryLayout<cifar_resume_options>.size)
    options.busy_timeout = 600
    return options
  }

  func sessionOptions() throws -> TrainingSession.Options {
    var session = TrainingSession.Options(
      registryPath: try Argument.text(registry, "options.registry", atMost: Argument.Longest.path)
        ?? Registry.defaultPath(),
      threads: try Argument.threads(threads),
      commandLine: try Argument.text(
        command_line, "options.command_line", atMost: Argument.Longest.note) ?? "")
    session.busyTimeout = busy_timeout
    return session
  }
}

extension CheckpointChoice {
  /// - Parameter other: what NULL means.
  init(_ text: UnsafePointer<CChar>?, default other: CheckpointChoice) throws {
    guard let text = try Argument.text(text, "checkpoint") else {
      self = other
      return
    }
    guard let choice = CheckpointChoice(text) else {
      throw CifarError(
        .invalidArgument, "checkpoint '\(text.excerpt)' is none of last, best or a checkpoint's id")
    }
    self = choice
  }
}

@_cdecl("cifar_train_options_init") @implementation
public func cifar_train_options_init(
  _ options: UnsafeMutablePointer<cifar_train_options>?, _ optionsSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_train_options.defaults, to: options, size: optionsSize, "options")
  }
}

@_cdecl("cifar_trainer_create") @implementation
public func cifar_trainer_create(
  _ train: OpaquePointer?, _ validation: OpaquePointer?,
  _ options: UnsafePointer<cifar_train_options>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let options = try GrowingStruct.read(options, defaults: .defaults, "options")
    let sessionOptions = try options.sessionOptions()
    let train = try DatasetHandle.from(train, "train").dataset
    let session = try TrainingSession.start(
      train: train, validation: DatasetHandle.from(validation, "validation").dataset,
      hyperparameters: options.complete(classes: train.classNames.count), options: sessionOptions)
    out.pointee = Handle.make(try TrainerHandle(session, threads: sessionOptions.threads))
  }
}

@_cdecl("cifar_resume_options_init") @implementation
public func cifar_resume_options_init(
  _ options: UnsafeMutablePointer<cifar_resume_options>?, _ optionsSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_resume_options.defaults, to: options, size: optionsSize, "options")
  }
}

@_cdecl("cifar_trainer_resume") @implementation
public func cifar_trainer_resume(
  _ run: UnsafePointer<CChar>?, _ train: OpaquePointer?, _ validation: OpaquePointer?,
  _ options: UnsafePointer<cifar_resume_options>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let options = try GrowingStruct.read(options, defaults: .defaults, "options")
    let sessionOptions = try options.sessionOptions()
    let session = try TrainingSession.resume(
      run: Argument.requiredText(run, "run"),
      checkpoint: CheckpointChoice(options.checkpoint, default: .last),
      epochs: options.epochs == 0 ? nil : Int(options.epochs),
      train: DatasetHandle.optional(train), validation: DatasetHandle.optional(validation),
      location: Argument.text(
        options.data_location, "options.data_location", atMost: Argument.Longest.path),
      takeOver: options.take_over != 0, options: sessionOptions)
    out.pointee = Handle.make(try TrainerHandle(session, threads: sessionOptions.threads))
  }
}

@_cdecl("cifar_trainer_on_train_begin") @implementation
public func cifar_trainer_on_train_begin(
  _ trainer: OpaquePointer?, _ callback: cifar_train_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded {
    try TrainerHandle.idle(trainer) { $0.onTrainBegin = callback.map { ($0, user) } }
  }
}

@_cdecl("cifar_trainer_on_train_end") @implementation
public func cifar_trainer_on_train_end(
  _ trainer: OpaquePointer?, _ callback: cifar_train_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded {
    try TrainerHandle.idle(trainer) { $0.onTrainEnd = callback.map { ($0, user) } }
  }
}

@_cdecl("cifar_trainer_on_epoch_begin") @implementation
public func cifar_trainer_on_epoch_begin(
  _ trainer: OpaquePointer?, _ callback: cifar_batch_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded {
    try TrainerHandle.idle(trainer) { $0.onEpochBegin = callback.map { ($0, user) } }
  }
}

@_cdecl("cifar_trainer_on_batch_begin") @implementation
public func cifar_trainer_on_batch_begin(
  _ trainer: OpaquePointer?, _ callback: cifar_batch_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded {
    try TrainerHandle.idle(trainer) { $0.onBatchBegin = callback.map { ($0, user) } }
  }
}

@_cdecl("cifar_trainer_on_batch") @implementation
public func cifar_trainer_on_batch(
  _ trainer: OpaquePointer?, _ callback: cifar_batch_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded {
    try TrainerHandle.idle(trainer) { $0.onBatch = callback.map { ($0, user) } }
  }
}

@_cdecl("cifar_trainer_on_epoch") @implementation
public func cifar_trainer_on_epoch(
  _ trainer: OpaquePointer?, _ callback: cifar_epoch_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded {
    try TrainerHandle.idle(trainer) { $0.onEpoch = callback.map { ($0, user) } }
  }
}

@_cdecl("cifar_trainer_on_storage_wait") @implementation
public func cifar_trainer_on_storage_wait(
  _ trainer: OpaquePointer?, _ callback: cifar_storage_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded {
    try TrainerHandle.idle(trainer) { $0.onStorageWait = callback.map { ($0, user) } }
  }
}

@_cdecl("cifar_trainer_set_learning_rate") @implementation
public func cifar_trainer_set_learning_rate(
  _ trainer: OpaquePointer?, _ learningRate: Double
) -> cifar_status {
  guarded(on: .callers) { try TrainerHandle.from(trainer).setLearningRate(learningRate) }
}

@_cdecl("cifar_trainer_run") @implementation
public func cifar_trainer_run(_ trainer: OpaquePointer?) -> cifar_status {
  guarded(on: .callers) { try TrainerHandle.from(trainer).run() }
}

@_cdecl("cifar_trainer_interrupt") @implementation
public func cifar_trainer_interrupt(_ trainer: OpaquePointer?) -> cifar_status {
  guard let trainer else {
    return guarded(on: .callers) { _ = try Argument.required(trainer, "trainer") }
  }
  // A signal handler may be here: no lock, no memory, no counting of references.
  Unmanaged<TrainerHandle>.fromOpaque(UnsafeRawPointer(trainer))
    ._withUnsafeGuaranteedRef { $0.session.interrupt() }
  return CIFAR_OK
}

@_cdecl("cifar_trainer_record_metric") @implementation
public func cifar_trainer_record_metric(
  _ trainer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ value: Double
) -> cifar_status {
  guarded(on: .callers) {
    let name = try Argument.requiredText(name, "name")
    try TrainerHandle.from(trainer).record(metrics: [(name, value)])
  }
}

@_cdecl("cifar_trainer_record_metrics") @implementation
public func cifar_trainer_record_metrics(
  _ trainer: OpaquePointer?, _ names: UnsafePointer<UnsafePointer<CChar>?>?,
  _ values: UnsafePointer<Double>?, _ count: Int
) -> cifar_status {
  guarded(on: .callers) {
    let handle = try TrainerHandle.from(trainer)
    let count = try Argument.count(count, "count")
    guard count > 0 else { return }
    let names = try Argument.required(names, "names")
    let values = try Argument.required(values, "values")
    try handle.record(
      metrics: (0..<count).map {
        (try Argument.requiredText(names[$0], "names[\($0)]"), values[$0])
      })
  }
}

@_cdecl("cifar_trainer_get_info") @implementation
public func cifar_trainer_get_info(
  _ trainer: OpaquePointer?, _ info: UnsafeMutablePointer<cifar_trainer_info>?, _ infoSize: Int
) -> cifar_status {
  guarded {
    let known = try TrainerHandle.idle(trainer) { $0.info }
    try GrowingStruct.write(known, to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_trainer_free") @implementation
public func cifar_trainer_free(_ trainer: OpaquePointer?) {
  guard let trainer else { return }
  HostEnvironment.isolated {
    Unmanaged<TrainerHandle>.fromOpaque(UnsafeRawPointer(trainer)).takeUnretainedValue().close()
  }
  Handle.free(trainer)
}
