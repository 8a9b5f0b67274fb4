// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore
import CifarNN
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

  func request() throws -> TrainingRequest {
    var request = TrainingRequest()
    if let recipe = try Argument.text(recipe, "options.recipe") { request.recipe = recipe }
    let overrides = try Argument.text(
      hyperparameters, "options.hyperparameters", atMost: Argument.Longest.json)
    if let overrides { request.overrides = [overrides] }
    request.epochs = epochs == 0 ? nil : epochs
    request.batchSize = batch_size == 0 ? nil : Int(batch_size)
    request.learningRate = learning_rate == 0 ? nil : learning_rate
    request.seed = seed == 0 ? nil : seed
    request.model = try Argument.text(model, "options.model", atMost: Argument.Longest.json)
    return request
  }

  /// - Parameter spec: the model that is to begin with them.
  func initialWeights(for spec: ModelSpec) throws -> InitialWeights? {
    guard [init_model != nil, init_from != nil, init_bytes != nil].count(where: \.self) <= 1 else {
      throw CifarError(
        .invalidArgument, "options.init_from, init_model and init_bytes exclude each other")
    }
    let source = try Argument.text(
      init_source, "options.init_source", atMost: Argument.Longest.path)
    if init_model != nil {
      return try InitialWeights(ModelHandle.from(init_model).model, for: spec, source: source)
    }
    if let init_bytes {
      let bytes = [UInt8](UnsafeRawBufferPointer(start: init_bytes, count: init_size))
      return try InitialWeights(bytes: bytes, for: spec, source: source ?? "memory")
    }
    let name = try Argument.text(init_from, "options.init_from", atMost: Argument.Longest.path)
    return try name.map {
      try InitialWeights(named: $0, registryPath: registryPath(), for: spec)
    }
  }

  func registryPath() throws -> String {
    try Argument.text(registry, "options.registry", atMost: Argument.Longest.path)
      ?? Registry.defaultPath()
  }

  func sessionOptions() throws -> TrainingSession.Options {
    var session = TrainingSession.Options(
      registryPath: record == 0 ? nil : try registryPath(),
      name: try Argument.text(name, "options.name"),
      threads: try Argument.threads(threads), keepLast: Int(keep_last),
      commandLine: try Argument.text(
        command_line, "options.command_line", atMost: Argument.Longest.note) ?? "",
      keepEvery: Int(keep_every),
      tags: (try Argument.text(tags, "options.tags", atMost: Argument.Longest.list) ?? "")
        .split(separator: "\n").map(String.init))
    session.busyTimeout = busy_timeout
    session.packages = try Argument.packages(packages)
    session.keepsGitChanges = no_patch == 0
    session.tensorBoard = try Argument.text(
      tensorboard, "options.tensorboard", atMost: Argument.Longest.path)
    session.group = try Argument.text(group, "options.group")
    session.isOnlyOfItsSeed = is_only_of_its_seed != 0
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
    session.packages = try Argument.packages(packages)
    session.keepsGitChanges = no_patch == 0
    session.tensorBoard = try Argument.text(
      tensorboard, "options.tensorboard", atMost: Argument.Longest.path)
    return session
  }
}

extension Argument {
  /// Versions by name.
  static func packages(_ text: UnsafePointer<CChar>?) throws -> [String: String] {
    let what = "options.packages"
    guard let text = try Argument.text(text, what, atMost: Longest.note) else { return [:] }
    let value: JSONValue
    do {
      value = try JSONValue(text: text)
    } catch let error as CifarError {
      throw CifarError(error.code, "\(what) \(error.message)")
    }
    guard case .object(let entries) = value else {
      throw CifarError(.invalidArgument, "\(what) is no JSON object: \(text.excerpt)")
    }
    return try entries.mapValues { version in
      guard let version = version.string else {
        throw CifarError(
          .invalidArgument, "\(what) has a version that is no text: \(text.excerpt)")
      }
      return version
    }
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
    let hyperparameters = try options.request().hyperparameters(for: train)
    let session = try TrainingSession.start(
      train: train, validation: DatasetHandle.from(validation, "validation").dataset,
      hyperparameters: hyperparameters,
      weights: options.initialWeights(for: hyperparameters.modelSpec), options: sessionOptions)
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
      epochs: options.epochs == 0 ? nil : options.epochs,
      train: DatasetHandle.optional(train), validation: DatasetHandle.optional(validation),
      location: Argument.text(
        options.data_location, "options.data_location", atMost: Argument.Longest.path),
      takeOver: options.take_over != 0, options: sessionOptions)
    out.pointee = Handle.make(try TrainerHandle(session, threads: sessionOptions.threads))
  }
}

@_cdecl("cifar_trainer_callbacks_init") @implementation
public func cifar_trainer_callbacks_init(
  _ callbacks: UnsafeMutablePointer<cifar_trainer_callbacks>?, _ callbacksSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_trainer_callbacks.defaults, to: callbacks, size: callbacksSize, "callbacks")
  }
}

@_cdecl("cifar_trainer_set_callbacks") @implementation
public func cifar_trainer_set_callbacks(
  _ trainer: OpaquePointer?, _ callbacks: UnsafePointer<cifar_trainer_callbacks>?
) -> cifar_status {
  guarded {
    let callbacks = try GrowingStruct.read(callbacks, defaults: .defaults, "callbacks")
    try TrainerHandle.idle(trainer) { $0.callbacks = callbacks }
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

@_cdecl("cifar_trainer_get_result") @implementation
public func cifar_trainer_get_result(
  _ trainer: OpaquePointer?, _ result: UnsafeMutablePointer<cifar_final_result>?, _ resultSize: Int
) -> cifar_status {
  guarded {
    guard let known = try TrainerHandle.idle(trainer, { $0.session.result }) else {
      throw CifarError(
        .invalidState,
        "nothing was measured at the end of this training: that needs validation_split or tta, "
          + "and all epochs done; of a run that had its result before, the "
          + "metrics have it")
    }
    try GrowingStruct.write(
      cifar_final_result(known), to: result, size: resultSize, "result")
  }
}

extension cifar_final_result {
  fileprivate init(_ result: TrainingSession.Result) {
    self.init()
    is_of_test_images = result.isOfTestImages ? 1 : 0
    epoch = UInt32(result.epoch)
    earlier_looks = UInt32(result.earlierLooks)
    images = UInt64(result.plain.count)
    loss = result.plain.loss
    accuracy = result.plain.accuracy
    accuracy_low = result.plain.accuracyInterval.lowerBound
    accuracy_high = result.plain.accuracyInterval.upperBound
    augmented_loss = result.augmented?.loss ?? .nan
    augmented_accuracy = result.augmented?.accuracy ?? .nan
    chose_epoch = result.choseEpoch ? 1 : 0
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
