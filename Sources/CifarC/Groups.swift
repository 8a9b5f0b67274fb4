// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore

@_cdecl("cifar_group_find_member") @implementation
public func cifar_group_find_member(
  _ train: OpaquePointer?, _ validation: OpaquePointer?,
  _ options: UnsafePointer<cifar_train_options>?,
  _ info: UnsafeMutablePointer<cifar_member_info>?, _ infoSize: Int
) -> cifar_status {
  guarded {
    let options = try GrowingStruct.read(options, defaults: .defaults, "options")
    let group = try Argument.requiredText(options.group, "options.group")
    let train = try DatasetHandle.from(train, "train").dataset
    let series = RunSeries(group: group, registryPath: try options.registryPath())
    let validation = try DatasetHandle.from(validation, "validation").dataset
    let hyperparameters = try options.request().hyperparameters(for: train)
    let run = try series.member(
      hyperparameters, train: train, validation: validation,
      weights: options.initialWeights(for: hyperparameters.modelSpec))
    var member = cifar_member_info()
    member.is_over = run.map { RunSeries.isOver($0.summary) ? 1 : 0 } ?? 0
    member.is_running = run?.summary.status == .running ? 1 : 0
    withUnsafeMutableBytes(of: &member.run_id) { place in
      // A UUID has 36 bytes; the rest is zeros.
      place.copyBytes(from: (run?.id ?? "").utf8.prefix(place.count - 1))
    }
    try GrowingStruct.write(member, to: info, size: infoSize, "info")
  }
}
