// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore
import CifarRegistry

extension cifar_rerun_options {
  static var defaults: cifar_rerun_options {
    var options = cifar_rerun_options()
    options.struct_size = UInt32(MemoryLayout<cifar_rerun_options>.size)
    options.keep_last = 2
    options.busy_timeout = 600
    return options
  }

  func sessionOptions() throws -> TrainingSession.Options {
    var session = TrainingSession.Options(
      registryPath: try Argument.text(registry, "options.registry", atMost: Argument.Longest.path)
        ?? Registry.defaultPath(), name: try Argument.text(name, "options.name"),
      keepLast: Int(keep_last),
      commandLine: try Argument.text(
        command_line, "options.command_line", atMost: Argument.Longest.note) ?? "",
      keepEvery: Int(keep_every),
      tags: (try Argument.text(tags, "options.tags", atMost: Argument.Longest.list) ?? "")
        .split(separator: "\n").map(String.init))
    session.busyTimeout = busy_timeout
    session.packages = try Argument.packages(packages)
    session.keepsGitChanges = no_patch == 0
    session.group = try Argument.text(group, "options.group")
    return session
  }
}

@_cdecl("cifar_rerun_options_init") @implementation
public func cifar_rerun_options_init(
  _ options: UnsafeMutablePointer<cifar_rerun_options>?, _ optionsSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_rerun_options.defaults, to: options, size: optionsSize, "options")
  }
}

@_cdecl("cifar_trainer_rerun") @implementation
public func cifar_trainer_rerun(
  _ run: UnsafePointer<CChar>?, _ train: OpaquePointer?, _ validation: OpaquePointer?,
  _ options: UnsafePointer<cifar_rerun_options>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let options = try GrowingStruct.read(options, defaults: .defaults, "options")
    let session = try TrainingSession.rerun(
      run: Argument.requiredText(run, "run"),
      train: DatasetHandle.optional(train), validation: DatasetHandle.optional(validation),
      location: Argument.text(
        options.data_location, "options.data_location", atMost: Argument.Longest.path),
      weights: Argument.text(
        options.init_from, "options.init_from", atMost: Argument.Longest.path),
      threads: options.threads == 0 ? nil : Argument.threads(options.threads),
      options: options.sessionOptions())
    out.pointee = Handle.make(try TrainerHandle(session, threads: session.threads))
  }
}
