// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import CheckpointFormat
import Cifar
import CifarCore
import CifarRegistry
import Glibc
import Kernels

/// A registry to write to, and the name of a run in it.
private func editing(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?,
  _ change: (Registry, String) throws -> Void
) -> cifar_status {
  guarded {
    let run = try Argument.requiredText(run, "run")
    try change(RegistryHandle.from(registry).writer(), run)
  }
}

@_cdecl("cifar_registry_tag") @implementation
public func cifar_registry_tag(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?, _ tag: UnsafePointer<CChar>?
) -> cifar_status {
  editing(registry, run) { try $0.tag($1, Argument.requiredText(tag, "tag")) }
}

@_cdecl("cifar_registry_untag") @implementation
public func cifar_registry_untag(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?, _ tag: UnsafePointer<CChar>?
) -> cifar_status {
  editing(registry, run) { try $0.untag($1, Argument.requiredText(tag, "tag")) }
}

@_cdecl("cifar_registry_note") @implementation
public func cifar_registry_note(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?
) -> cifar_status {
  editing(registry, run) {
    try $0.note($1, Argument.requiredText(text, "text", atMost: Argument.Longest.note))
  }
}

@_cdecl("cifar_registry_rename") @implementation
public func cifar_registry_rename(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?
) -> cifar_status {
  editing(registry, run) { try $0.rename($1, to: Argument.text(name, "name")) }
}

@_cdecl("cifar_registry_set_group") @implementation
public func cifar_registry_set_group(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?, _ group: UnsafePointer<CChar>?
) -> cifar_status {
  editing(registry, run) { try $0.setGroup($1, to: Argument.text(group, "group")) }
}

@_cdecl("cifar_registry_pin") @implementation
public func cifar_registry_pin(
  _ registry: OpaquePointer?, _ checkpoint: Int64, _ pinned: Int32
) -> cifar_status {
  guarded {
    try RegistryHandle.from(registry).writer().pin(checkpoint: checkpoint, pinned != 0)
  }
}

@_cdecl("cifar_registry_fork") @implementation
public func cifar_registry_fork(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?,
  _ checkpoint: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
  _ id: UnsafeMutablePointer<CChar>?
) -> cifar_status {
  editing(registry, run) { registry, run in
    let id = try Argument.required(id, "id")
    let uuid = try registry.fork(
      run, from: CheckpointChoice(checkpoint, default: .last), name: Argument.text(name, "name"),
      session: SessionInfo(
        libraryVersion: LibraryVersion.string, instructionSet: Kernels.current.name, threads: 0))
    strcpy(id, uuid)
  }
}

@_cdecl("cifar_registry_import") @implementation
public func cifar_registry_import(
  _ registry: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
  _ id: UnsafeMutablePointer<CChar>?
) -> cifar_status {
  guarded {
    let handle = try RegistryHandle.from(registry)
    let path = try Argument.requiredText(path, "path", atMost: Argument.Longest.path)
    let id = try Argument.required(id, "id")
    let imported = try RunImport.run(
      path, to: { try handle.writer() }, name: Argument.text(name, "name"),
      session: SessionInfo(
        libraryVersion: LibraryVersion.string, instructionSet: "", threads: 0))
    strcpy(id, imported.run)
  }
}

@_cdecl("cifar_registry_remove") @implementation
public func cifar_registry_remove(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?, _ takeOver: Int32
) -> cifar_status {
  editing(registry, run) { try $0.remove([$1], takeOver: takeOver != 0) }
}

@_cdecl("cifar_registry_restore") @implementation
public func cifar_registry_restore(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?
) -> cifar_status {
  editing(registry, run) { try $0.restore($1) }
}

@_cdecl("cifar_registry_collect") @implementation
public func cifar_registry_collect(
  _ registry: OpaquePointer?, _ freed: UnsafeMutablePointer<UInt64>?
) -> cifar_status {
  guarded {
    let collected = try RegistryHandle.from(registry).writer().collectGarbage()
    freed?.pointee = UInt64(collected.bytes)
  }
}

@_cdecl("cifar_registry_slim") @implementation
public func cifar_registry_slim(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?, _ dryRun: Int32,
  _ freed: UnsafeMutablePointer<UInt64>?
) -> cifar_status {
  guarded {
    let run = try Argument.text(run, "run").map { [$0] }
    let handle = try RegistryHandle.from(registry)
    let registry = try dryRun != 0 ? handle.reader : handle.writer()
    let slimmed = try LargeStack.run {
      try registry.slim(run ?? registry.ids(RunQuery()), areNamed: run != nil, dryRun: dryRun != 0)
    }
    for problem in slimmed.problems { Log.write(.warning, "left as it is: \(problem)") }
    freed?.pointee = UInt64(clamping: slimmed.bytes)
  }
}

@_cdecl("cifar_registry_verify") @implementation
public func cifar_registry_verify(
  _ registry: OpaquePointer?, _ run: UnsafePointer<CChar>?,
  _ callback: cifar_problem_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  guarded(on: .callers) {
    let callback = try Argument.required(callback, "callback")
    let registry = try RegistryHandle.from(registry).reader
    let problems = try LargeStack.run { try registry.verify(run: Argument.text(run, "run")) }
    for problem in problems {
      let line = problem.oneLine(atMost: CifarError.longestMessage)
      let answer = HostEnvironment.lent { callback(line, user) }
      guard answer == 0 else {
        throw CifarError(.callback, "stopped by the problem callback, which returned \(answer)")
      }
    }
  }
}

@_cdecl("cifar_registry_backup") @implementation
public func cifar_registry_backup(
  _ registry: OpaquePointer?, _ path: UnsafePointer<CChar>?
) -> cifar_status {
  guarded {
    let path = try Argument.requiredText(path, "path", atMost: Argument.Longest.path)
    let registry = try RegistryHandle.from(registry).reader
    _ = try LargeStack.run { try registry.backup(to: path) }
  }
}

@_cdecl("cifar_registry_merge") @implementation
public func cifar_registry_merge(
  _ registry: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ run: UnsafePointer<CChar>?,
  _ skipConflicts: Int32, _ info: UnsafeMutablePointer<cifar_merge_info>?, _ infoSize: Int
) -> cifar_status {
  guarded {
    let path = try Argument.requiredText(path, "path", atMost: Argument.Longest.path)
    let runs = try Argument.text(run, "run").map { [$0] }
    let registry = try RegistryHandle.from(registry).writer()
    // A size that is none is told before anything is written.
    if info != nil { try GrowingStruct.check(infoSize, of: cifar_merge_info.self, "info") }
    let merged = try LargeStack.run {
      try registry.merge(from: path, runs: runs, skipConflicts: skipConflicts != 0)
    }
    guard let info else { return }
    func count(_ outcome: Registry.Merged.Outcome) -> UInt32 {
      UInt32(clamping: merged.count(outcome))
    }
    try GrowingStruct.write(
      cifar_merge_info(
        struct_size: 0, added: count(.added), updated: count(.updated),
        unchanged: count(.unchanged), conflicts: count(.conflict),
        checkpoints: UInt32(clamping: merged.checkpoints)), to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_registry_export") @implementation
public func cifar_registry_export(
  _ registry: OpaquePointer?, _ checkpoint: Int64, _ path: UnsafePointer<CChar>?
) -> cifar_status {
  guarded {
    let path = try Argument.requiredText(path, "path", atMost: Argument.Longest.path)
    let registry = try RegistryHandle.from(registry).reader
    try FileWriter.write(to: path, as: .checkpoint) { file in
      try registry.readCheckpoint(checkpoint) { try file.write($0) }
    }
  }
}
