// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore
import CifarTraining

/// A search for a learning rate that is over, with its string.
final class RateRangeHandle {
  let points: [cifar_lr_point]
  let info: cifar_lr_info
  private let strings = StringKeeper()

  init(_ range: RateRange, steps: Int) {
    points = range.points.enumerated().map { cifar_lr_point($1, step: $0 + 1, of: steps) }
    var info = cifar_lr_info()
    info.has_diverged = range.hasDiverged ? 1 : 0
    info.count = UInt64(range.points.count)
    info.suggestion = range.suggestion ?? .nan
    info.steepest = range.steepest ?? .nan
    info.minimum = range.minimum ?? .nan
    info.reason = strings.keep(range.reason)
    self.info = info
  }

  static func from(_ pointer: OpaquePointer?) throws -> RateRangeHandle {
    try Handle.object(pointer, RateRangeHandle.self, "curve")
  }
}

extension cifar_lr_point {
  fileprivate init(_ point: RateRangeTest.Point, step: Int, of steps: Int) {
    self.init()
    struct_size = UInt32(MemoryLayout<cifar_lr_point>.size)
    self.step = UInt32(step)
    self.steps = UInt32(steps)
    learning_rate = point.rate
    loss = point.loss
    smoothed_loss = point.smoothedLoss
  }
}

extension cifar_lr_find_options {
  static var defaults: cifar_lr_find_options {
    let test = RateRangeTest()
    var options = cifar_lr_find_options()
    options.struct_size = UInt32(MemoryLayout<cifar_lr_find_options>.size)
    options.steps = UInt32(test.steps)
    options.start = test.start
    options.end = test.end
    return options
  }

  fileprivate func test() throws -> RateRangeTest {
    var test = RateRangeTest()
    test.steps = Int(steps)
    test.start = start
    test.end = end
    try test.validate()
    return test
  }
}

@_cdecl("cifar_lr_find_options_init") @implementation
public func cifar_lr_find_options_init(
  _ options: UnsafeMutablePointer<cifar_lr_find_options>?, _ optionsSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_lr_find_options.defaults, to: options, size: optionsSize, "options")
  }
}

@_cdecl("cifar_lr_find") @implementation
public func cifar_lr_find(
  _ train: OpaquePointer?, _ options: UnsafePointer<cifar_train_options>?,
  _ find: UnsafePointer<cifar_lr_find_options>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded(on: .callers) {
    let out = try Argument.required(out, "out")
    let options = try GrowingStruct.read(options, defaults: .defaults, "options")
    let find = try GrowingStruct.read(find, defaults: .defaults, "find")
    let test = try find.test()
    let threads = try Argument.threads(options.threads)
    let train = try DatasetHandle.from(train, "train").dataset
    let hyperparameters = try options.request().hyperparameters(for: train)
    let weights = try options.initialWeights(for: hyperparameters.modelSpec)
    for remark in weights?.remarks(for: hyperparameters) ?? [] { Log.write(.warning, remark) }
    var step = 0
    let range = try test.run(hyperparameters, train: train, weights: weights, threads: threads) {
      step += 1
      guard let told = find.on_step else { return true }
      var point = cifar_lr_point($0, step: step, of: test.steps)
      return HostEnvironment.lent { told(&point, find.user) } == 0
    }
    out.pointee = Handle.make(RateRangeHandle(range, steps: test.steps))
  }
}

@_cdecl("cifar_lr_curve_get_info") @implementation
public func cifar_lr_curve_get_info(
  _ curve: OpaquePointer?, _ info: UnsafeMutablePointer<cifar_lr_info>?, _ infoSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(RateRangeHandle.from(curve).info, to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_lr_curve_get_point") @implementation
public func cifar_lr_curve_get_point(
  _ curve: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<cifar_lr_point>?,
  _ infoSize: Int
) -> cifar_status {
  ListAccess.get(
    index, "point", of: { try RateRangeHandle.from(curve).points }, to: info, infoSize)
}

@_cdecl("cifar_lr_curve_free") @implementation
public func cifar_lr_curve_free(_ curve: OpaquePointer?) { Handle.free(curve) }
