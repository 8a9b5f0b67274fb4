// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import CifarCore
import CifarRegistry
import Synchronization

/// A registry that is read at once and opened for writing when something is to be written.
final class RegistryHandle: Sendable {
  let reader: Registry
  private let opened = Mutex<Registry?>(nil)

  init(_ path: String) throws { reader = try Registry(path: path, mode: .readOnly) }

  static func from(_ pointer: OpaquePointer?) throws -> RegistryHandle {
    try Handle.object(pointer, RegistryHandle.self, "registry")
  }

  func writer() throws -> Registry {
    // In a child of fork this says that the registry belongs to the parent.
    _ = try reader.runs(limit: 1)
    return try opened.withLock { opened in
      if let opened { return opened }
      let registry = try Registry(path: reader.path, mode: .readWrite(create: false))
      opened = registry
      return registry
    }
  }
}

/// Runs as they were at one moment, with their strings.
final class RunListHandle {
  let runs: [cifar_run_info]
  private let strings = StringKeeper()

  /// - Throws: `outOfMemory`.
  init(_ runs: [RunSummary]) throws {
    self.runs = try MemoryNeed.secured(1024 * (runs.count + 1), for: "the runs of a list") {
      [strings] in
      runs.map { cifar_run_info($0, strings) }
    }
  }

  static func from(_ pointer: OpaquePointer?) throws -> RunListHandle {
    try Handle.object(pointer, RunListHandle.self, "list")
  }
}

extension cifar_run_info {
  init(_ run: RunSummary, _ strings: StringKeeper) {
    self.init()
    epochs = UInt32(clamping: run.epochs)
    epochs_planned = run.exactEpochs
    id = strings.keep(run.id)
    name = strings.keep(run.name)
    status = strings.keep(run.status.rawValue)
    recipe = strings.keep(run.recipe)
    dataset = strings.keep(run.dataset)
    started = strings.keep(run.started.description)
    duration_s = run.durationSeconds
    best_val_accuracy = run.bestValAccuracy ?? .nan
    best_val_loss = run.bestValLoss ?? .nan
    last_val_accuracy = run.lastValAccuracy ?? .nan
    last_val_loss = run.lastValLoss ?? .nan
    tags = strings.keep(run.tags.joined(separator: "\n"))
    parent = strings.keep(run.parent?.run)
    group = strings.keep(run.group)
  }
}

@_cdecl("cifar_registry_open") @implementation
public func cifar_registry_open(
  _ path: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let path =
      try Argument.text(path, "path", atMost: Argument.Longest.path) ?? Registry.defaultPath()
    out.pointee = Handle.make(try RegistryHandle(path))
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
    let registry = try RegistryHandle.from(registry).reader
    let limit = try Argument.count(limit, "limit")
    out.pointee = Handle.make(try RunListHandle(registry.runs(limit: limit == 0 ? nil : limit)))
  }
}

extension cifar_run_query {
  static var defaults: cifar_run_query {
    var query = cifar_run_query()
    query.struct_size = UInt32(MemoryLayout<cifar_run_query>.size)
    return query
  }

  func query() throws -> RunQuery {
    let limit = try Argument.count(limit, "query.limit")
    return RunQuery(
      filter: try Argument.text(filter, "query.filter", atMost: Argument.Longest.list),
      sort: try Argument.text(sort, "query.sort"), descending: ascending == 0,
      limit: limit == 0 ? nil : limit, trash: trash != 0)
  }
}

@_cdecl("cifar_run_query_init") @implementation
public func cifar_run_query_init(
  _ query: UnsafeMutablePointer<cifar_run_query>?, _ querySize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(cifar_run_query.defaults, to: query, size: querySize, "query")
  }
}

@_cdecl("cifar_registry_query") @implementation
public func cifar_registry_query(
  _ registry: OpaquePointer?, _ query: UnsafePointer<cifar_run_query>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let registry = try RegistryHandle.from(registry).reader
    let query = try GrowingStruct.read(query, defaults: .defaults, "query").query()
    out.pointee = Handle.make(try RunListHandle(registry.runs(query)))
  }
}

@_cdecl("cifar_run_list_count") @implementation
public func cifar_run_list_count(
  _ list: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> cifar_status {
  ListAccess.count(count) { try RunListHandle.from(list).runs }
}

@_cdecl("cifar_run_list_get") @implementation
public func cifar_run_list_get(
  _ list: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_run_info>?,
  _ infoSize: Int
) -> cifar_status {
  ListAccess.get(index, "run", of: { try RunListHandle.from(list).runs }, to: info, infoSize)
}

@_cdecl("cifar_run_list_free") @implementation
public func cifar_run_list_free(_ list: OpaquePointer?) { Handle.free(list) }
