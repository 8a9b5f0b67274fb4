// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import CifarCore
import CifarRegistry

/// Runs as they were at one moment, with their strings.
final class RunListHandle {
  let runs: [cifar_run_info]
  private let strings = StringKeeper()

  init(_ runs: [RunSummary]) {
    self.runs = runs.map { [strings] in cifar_run_info($0, strings) }
  }

  static func from(_ pointer: OpaquePointer?) throws -> RunListHandle {
    try Handle.object(pointer, RunListHandle.self, "list")
  }
}

/// One run as it was at one moment, with its strings.
final class RunHandle {
  let info: cifar_run_info
  let hyperparameters: UnsafePointer<CChar>?
  let epochs: [cifar_epoch_info]
  let checkpoints: [cifar_checkpoint_info]
  private let strings = StringKeeper()

  init(_ run: RunDetail) {
    info = cifar_run_info(run.summary, strings)
    hyperparameters = strings.keep(run.hyperparameters)
    epochs = run.epochs.map { cifar_epoch_info($0) }
    checkpoints = run.checkpoints.map { [strings] in cifar_checkpoint_info($0, strings) }
  }

  static func from(_ pointer: OpaquePointer?) throws -> RunHandle {
    try Handle.object(pointer, RunHandle.self, "run")
  }
}

extension cifar_run_info {
  init(_ run: RunSummary, _ strings: StringKeeper) {
    self.init()
    epochs = UInt32(run.epochs)
    epochs_planned = UInt32(run.epochsPlanned)
    id = strings.keep(run.id)
    name = strings.keep(run.name)
    status = strings.keep(run.status.rawValue)
    recipe = strings.keep(run.recipe)
    dataset = strings.keep(run.dataset)
    started = strings.keep(run.started.description)
    duration_s = run.durationSeconds
    best_val_accuracy = run.bestValAccuracy ?? .nan
    best_val_loss = run.bestValLoss ?? .nan
  }
}

extension cifar_epoch_info {
  init(_ row: EpochRow) {
    self.init()
    epoch = UInt32(row.epoch)
    train_loss = row.trainLoss
    train_accuracy = row.trainAccuracy
    val_loss = row.valLoss ?? .nan
    val_accuracy = row.valAccuracy ?? .nan
    learning_rate = row.learningRate
    seconds = row.seconds
    images_per_second = row.imagesPerSecond
  }
}

extension cifar_checkpoint_info {
  init(_ row: CheckpointRow, _ strings: StringKeeper) {
    self.init()
    epoch = UInt32(row.epoch)
    batch = UInt32(row.batch)
    is_best = row.isBest ? 1 : 0
    id = row.id
    step = UInt64(row.step)
    size = UInt64(row.size)
    sha256 = strings.keep(row.sha256)
    created = strings.keep(row.created.description)
  }
}

@_cdecl("cifar_registry_open") @implementation
public func cifar_registry_open(
  _ path: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let path = try Argument.text(path, "path") ?? Registry.defaultPath()
    out.pointee = Handle.make(try Registry(path: path, mode: .readOnly))
  }
}

@_cdecl("cifar_registry_free") @implementation
public func cifar_registry_free(_ registry: OpaquePointer?) { Handle.free(registry) }

@_cdecl("cifar_registry_list") @implementation
public func cifar_registry_list(
  _ registry: OpaquePointer?, _ limit: Int, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let registry = try Handle.object(registry, Registry.self, "registry")
    let limit = try Argument.count(limit, "limit")
    out.pointee = Handle.make(RunListHandle(try registry.runs(limit: limit == 0 ? nil : limit)))
  }
}

@_cdecl("cifar_run_list_count") @implementation
public func cifar_run_list_count(
  _ list: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  guarded { try Argument.required(count, "count").pointee = RunListHandle.from(list).runs.count }
}

@_cdecl("cifar_run_list_get") @implementation
public func cifar_run_list_get(
  _ list: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_run_info>?,
  _ infoSize: Int
) -> cifar_status {
  guarded {
    let runs = try RunListHandle.from(list).runs
    let index = try Argument.index(index, below: runs.count, "run")
    try GrowingStruct.write(runs[index], to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_run_list_free") @implementation
public func cifar_run_list_free(_ list: OpaquePointer?) { Handle.free(list) }

@_cdecl("cifar_registry_find") @implementation
public func cifar_registry_find(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let registry = try Handle.object(registry, Registry.self, "registry")
    let run = try registry.run(matching: Argument.requiredText(run, "run"))
    out.pointee = Handle.make(RunHandle(run))
  }
}

@_cdecl("cifar_run_get_info") @implementation
public func cifar_run_get_info(
  _ run: OpaquePointer?, _ info: UnsafeMutablePointer<cifar_run_info>?, _ infoSize: Int
) -> cifar_status {
  guarded { try GrowingStruct.write(RunHandle.from(run).info, to: info, size: infoSize, "info") }
}

@_cdecl("cifar_run_get_hyperparameters") @implementation
public func cifar_run_get_hyperparameters(
  _ run: OpaquePointer?, _ json: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded { try Argument.required(json, "json").pointee = RunHandle.from(run).hyperparameters }
}

@_cdecl("cifar_run_epoch_count") @implementation
public func cifar_run_epoch_count(
  _ run: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  guarded { try Argument.required(count, "count").pointee = RunHandle.from(run).epochs.count }
}

@_cdecl("cifar_run_get_epoch") @implementation
public func cifar_run_get_epoch(
  _ run: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_epoch_info>?,
  _ infoSize: Int
) -> cifar_status {
  guarded {
    let epochs = try RunHandle.from(run).epochs
    let index = try Argument.index(index, below: epochs.count, "epoch row")
    try GrowingStruct.write(epochs[index], to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_run_checkpoint_count") @implementation
public func cifar_run_checkpoint_count(
  _ run: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  guarded { try Argument.required(count, "count").pointee = RunHandle.from(run).checkpoints.count }
}

@_cdecl("cifar_run_get_checkpoint") @implementation
public func cifar_run_get_checkpoint(
  _ run: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_checkpoint_info>?,
  _ infoSize: Int
) -> cifar_status {
  guarded {
    let checkpoints = try RunHandle.from(run).checkpoints
    let index = try Argument.index(index, below: checkpoints.count, "checkpoint")
    try GrowingStruct.write(checkpoints[index], to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_run_free") @implementation
public func cifar_run_free(_ run: OpaquePointer?) { Handle.free(run) }
