// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore
import CifarRegistry
import Glibc
import Synchronization

/// One run as it was at one moment, with its strings.
final class RunHandle {
  let info: cifar_run_info
  let hyperparameters: UnsafePointer<CChar>?
  let bestChosenOn: UnsafePointer<CChar>?
  let finalChosenOn: UnsafePointer<CChar>?
  let epochs: [cifar_epoch_info]
  let checkpoints: [cifar_checkpoint_info]
  let metrics: [cifar_metric_info]
  let notes: [cifar_note_info]
  let sessions: [cifar_session_info]
  private let strings = StringKeeper()
  private let changes: Changes

  init(_ run: RunDetail, from registry: Registry) throws {
    info = cifar_run_info(run.summary, strings)
    hyperparameters = strings.keep(run.hyperparameters)
    let choices = try run.choices
    bestChosenOn = strings.keep(choices.best?.rawValue)
    finalChosenOn = strings.keep(choices.final?.rawValue)
    epochs = run.epochs.map { cifar_epoch_info($0) }
    checkpoints = run.checkpoints.map { [strings] in cifar_checkpoint_info($0, strings) }
    metrics = run.metrics.map { [strings] row in
      var info = cifar_metric_info()
      info.epoch = UInt32(clamping: row.epoch)
      info.name = strings.keep(row.name)
      info.value = row.value
      return info
    }
    notes = run.notes.map { [strings] row in
      var info = cifar_note_info()
      info.created = strings.keep(row.created.description)
      info.text = strings.keep(row.text)
      return info
    }
    sessions = try run.sessions.map { [strings] in try cifar_session_info($0, strings) }
    changes = Changes(keys: run.sessions.map(\.gitChanges), registry: registry)
  }

  /// The sessions' uncommitted changes, which may be long: each is read when it is asked for.
  private final class Changes {
    private let keys: [Int64?]
    private let registry: Registry
    /// Addresses of C strings by key.
    private let texts = Mutex<[Int64: UInt]>([:])

    init(keys: [Int64?], registry: Registry) {
      self.keys = keys
      self.registry = registry
    }

    deinit {
      texts.withLock { texts in
        for address in texts.values { free(UnsafeMutableRawPointer(bitPattern: address)) }
      }
    }

    func text(at index: Int) throws -> UnsafePointer<CChar>? {
      guard let key = keys[try Argument.index(index, below: keys.count, "session")] else {
        return nil
      }
      let address = try texts.withLock { texts in
        if let known = texts[key] { return known }
        let json = try registry.gitChanges(key).json.text
        guard let text = strdup(json) else {
          throw CifarError(.outOfMemory, "there is no memory for uncommitted changes")
        }
        let address = UInt(bitPattern: text)
        texts[key] = address
        return address
      }
      return UnsafePointer(bitPattern: address)
    }
  }

  func changes(at index: Int) throws -> UnsafePointer<CChar>? { try changes.text(at: index) }

  static func from(_ pointer: OpaquePointer?) throws -> RunHandle {
    try Handle.object(pointer, RunHandle.self, "run")
  }
}

extension cifar_checkpoint_info {
  init(_ row: CheckpointRow, _ strings: StringKeeper) {
    self.init()
    epoch = UInt32(clamping: row.epoch)
    batch = UInt32(clamping: row.batch)
    is_best = row.isBest ? 1 : 0
    id = row.id
    step = UInt64(clamping: row.step)
    size = UInt64(clamping: row.size)
    sha256 = strings.keep(row.sha256)
    created = strings.keep(row.created.description)
    is_pinned = row.isPinned ? 1 : 0
    is_superseded = row.isSuperseded ? 1 : 0
  }
}

extension cifar_session_info {
  init(_ row: SessionRow, _ strings: StringKeeper) throws {
    self.init()
    threads = UInt32(clamping: row.info.threads)
    started = strings.keep(row.started.description)
    ended = strings.keep(row.ended?.description)
    duration_s = row.durationSeconds
    status = strings.keep(row.status.rawValue)
    reason = strings.keep(row.reason)
    resumed_epoch = row.resumedFrom.map { Int64($0.epoch) } ?? -1
    resumed_batch = row.resumedFrom.map { Int64($0.batch) } ?? -1
    host = strings.keep(row.host)
    pid = Int64(row.pid)
    library_version = strings.keep(row.info.libraryVersion)
    instruction_set = strings.keep(row.info.instructionSet)
    command_line = strings.keep(row.info.commandLine)
    working_directory = strings.keep(row.info.workingDirectory)
    git_commit = strings.keep(row.info.gitCommit)
    environment = strings.keep(try row.info.environment.map { try JSONValue.object($0).text })
  }
}

@_cdecl("cifar_registry_find") @implementation
public func cifar_registry_find(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let registry = try RegistryHandle.from(registry).reader
    let run = try registry.run(matching: Argument.requiredText(run, "run"))
    let rows =
      run.epochs.count + run.checkpoints.count + run.metrics.count + run.notes.count
      + 4 * run.sessions.count
    out.pointee = try MemoryNeed.secured(1024 * (rows + 64), for: "the rows of a run") {
      Handle.make(try RunHandle(run, from: registry))
    }
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

@_cdecl("cifar_run_get_best_chosen_on") @implementation
public func cifar_run_get_best_chosen_on(
  _ run: OpaquePointer?, _ images: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded { try Argument.required(images, "images").pointee = RunHandle.from(run).bestChosenOn }
}

@_cdecl("cifar_run_get_final_chosen_on") @implementation
public func cifar_run_get_final_chosen_on(
  _ run: OpaquePointer?, _ images: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded { try Argument.required(images, "images").pointee = RunHandle.from(run).finalChosenOn }
}

@_cdecl("cifar_run_epoch_count") @implementation
public func cifar_run_epoch_count(
  _ run: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  ListAccess.count(count) { try RunHandle.from(run).epochs }
}

@_cdecl("cifar_run_get_epoch") @implementation
public func cifar_run_get_epoch(
  _ run: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_epoch_info>?,
  _ infoSize: Int
) -> cifar_status {
  ListAccess.get(index, "epoch row", of: { try RunHandle.from(run).epochs }, to: info, infoSize)
}

@_cdecl("cifar_run_checkpoint_count") @implementation
public func cifar_run_checkpoint_count(
  _ run: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  ListAccess.count(count) { try RunHandle.from(run).checkpoints }
}

@_cdecl("cifar_run_get_checkpoint") @implementation
public func cifar_run_get_checkpoint(
  _ run: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_checkpoint_info>?,
  _ infoSize: Int
) -> cifar_status {
  ListAccess.get(
    index, "checkpoint", of: { try RunHandle.from(run).checkpoints }, to: info, infoSize)
}

@_cdecl("cifar_run_metric_count") @implementation
public func cifar_run_metric_count(
  _ run: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  ListAccess.count(count) { try RunHandle.from(run).metrics }
}

@_cdecl("cifar_run_get_metric") @implementation
public func cifar_run_get_metric(
  _ run: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_metric_info>?,
  _ infoSize: Int
) -> cifar_status {
  ListAccess.get(index, "metric", of: { try RunHandle.from(run).metrics }, to: info, infoSize)
}

@_cdecl("cifar_run_note_count") @implementation
public func cifar_run_note_count(
  _ run: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  ListAccess.count(count) { try RunHandle.from(run).notes }
}

@_cdecl("cifar_run_get_note") @implementation
public func cifar_run_get_note(
  _ run: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_note_info>?,
  _ infoSize: Int
) -> cifar_status {
  ListAccess.get(index, "note", of: { try RunHandle.from(run).notes }, to: info, infoSize)
}

@_cdecl("cifar_run_session_count") @implementation
public func cifar_run_session_count(
  _ run: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  ListAccess.count(count) { try RunHandle.from(run).sessions }
}

@_cdecl("cifar_run_get_session") @implementation
public func cifar_run_get_session(
  _ run: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_session_info>?,
  _ infoSize: Int
) -> cifar_status {
  ListAccess.get(index, "session", of: { try RunHandle.from(run).sessions }, to: info, infoSize)
}

@_cdecl("cifar_run_get_changes") @implementation
public func cifar_run_get_changes(
  _ run: OpaquePointer?, _ index: Int, _ json: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded {
    let json = try Argument.required(json, "json")
    json.pointee = try RunHandle.from(run).changes(at: index)
  }
}

@_cdecl("cifar_run_free") @implementation
public func cifar_run_free(_ run: OpaquePointer?) { Handle.free(run) }
