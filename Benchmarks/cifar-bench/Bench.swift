import CifarCore
import CifarNN
import Glibc
import Kernels

/// The measurements, each in the plan of a program that does just that.
struct Bench {
  private let pool: ThreadPool
  private let directory: String
  private var tests: TestImages?
  private var training: (what: [String], step: TrainingStep)?
  private var inference: (what: [String], plan: Plan)?

  /// - Parameter directory: where `TestImages` are.
  init(threads: Int, directory: String) {
    pool = ThreadPool(threads: threads)
    self.directory = directory
  }

  /// The answer to a line of `main.swift`'s protocol.
  mutating func answer(_ words: [String]) throws -> JSONValue {
    let numbers = words.dropFirst().compactMap { Int($0) }
    let names = words.dropFirst().filter { Int($0) == nil }
    switch (words.first, numbers.count, names.count) {
    case ("describe", 0, 0): return Bench.description
    case ("step", 4, 2):
      return .number(
        try step(
          batch: numbers[0], repeats: numbers[1], precision: Bench.precision(names[0]),
          model: names[1],
          shape: try ImageShape(channels: numbers[2], height: numbers[3], width: numbers[3])))
    case ("scale", 4, 2):
      return try Scaling(
        batch: numbers[0], repeats: numbers[1], precision: Bench.precision(names[0]),
        model: names[1],
        shape: ImageShape(channels: numbers[2], height: numbers[3], width: numbers[3])
      ).answer()
    case ("infer", 2, 1):
      return .number(
        try infer(batch: numbers[0], repeats: numbers[1], precision: Bench.precision(names[0])))
    case ("quality", 0, 1):
      let (accuracy, error) = try quality(precision: Bench.precision(names[0]))
      return .object(["accuracy": .number(accuracy), "error": .number(error)])
    case ("layer", 6, 1):
      let shape = ConvolutionShape(
        inputChannels: numbers[0], outputChannels: numbers[1], height: numbers[2],
        width: numbers[2], kernel: numbers[3], stride: 1, padding: numbers[3] / 2)
      return .array(
        try layer(
          shape, batch: numbers[4], repeats: numbers[5], precision: Bench.precision(names[0])
        ).map(
          JSONValue.number))
    case ("peak", 0, 0): return .number(try peak())
    case ("memory", 0, 0): return .number(Bench.residentPeak())
    default:
      throw CifarError(.invalidArgument, "unknown measurement: \(words.joined(separator: " "))")
    }
  }

  private static var description: JSONValue {
    func modes(_ precisions: [Precision]) -> JSONValue {
      .object(
        Dictionary(uniqueKeysWithValues: precisions.map { ($0.rawValue, .string($0.rawValue)) }))
    }
    return .object([
      "program": .string("libcifar"), "version": .string("kernels \(Kernels.current.name)"),
      "step": modes(Precision.ofTraining), "infer": modes(Precision.allCases),
      "layer": modes(Precision.ofTraining),
      "presets": .array(ModelSpec.presetNames.map(JSONValue.string)),
    ])
  }

  /// Median milliseconds of a training step of a preset.
  private mutating func step(
    batch: Int, repeats: Int, precision: Precision, model: String, shape: ImageShape
  ) throws -> Double {
    let what = ["\(batch)", model, precision.rawValue, "\(shape)"]
    if training?.what != what {
      training = nil
      training = (
        what,
        try TrainingStep(
          batch: batch, precision: precision, model: model, shape: shape, pool: pool)
      )
    }
    guard let step = training?.step else { return .nan }
    return Bench.median(repeats) { step.run() }
  }

  /// Median milliseconds of a batch's probabilities.
  private mutating func infer(batch: Int, repeats: Int, precision: Precision) throws -> Double {
    let tests = try testImages()
    guard batch <= tests.labels.count else {
      throw CifarError(.invalidArgument, "there are only \(tests.labels.count) test images")
    }
    let plan = try inferencePlan(batch: batch, precision: precision)
    let probabilities = try AlignedBuffer<Float>(count: batch * 10)
    return Bench.median(repeats) {
      plan.predict(
        images: tests.images.pointer, count: batch, probabilities: probabilities.pointer)
    }
  }

  private mutating func quality(
    precision: Precision
  ) throws -> (accuracy: Double, error: Double) {
    let tests = try testImages()
    let (batch, count) = (100, tests.labels.count)
    let plan = try inferencePlan(batch: batch, precision: precision)
    let probabilities = try AlignedBuffer<Float>(count: count * 10)
    for first in stride(from: 0, to: count, by: batch) {
      plan.predict(
        images: tests.images.pointer + first * 3 * 32 * 32, count: min(batch, count - first),
        probabilities: probabilities.pointer + first * 10)
    }
    return tests.quality(of: UnsafeBufferPointer(probabilities.span))
  }

  private mutating func testImages() throws -> TestImages {
    if let tests { return tests }
    let new = try TestImages(directory: directory)
    tests = new
    return new
  }

  private mutating func inferencePlan(batch: Int, precision: Precision) throws -> Plan {
    let what = ["\(batch)", precision.rawValue]
    if let inference, inference.what == what { return inference.plan }
    let tests = try testImages()
    let plan = try Plan(
      network: precision == .int8 ? tests.quantized(pool) : tests.network, batchSize: batch,
      training: false, pool: pool,
      precision: precision)
    inference = (what, plan)
    return plan
  }

  /// Median milliseconds of forward, backward to the data, backward to the weights.
  private func layer(
    _ shape: ConvolutionShape, batch: Int, repeats: Int, precision: Precision
  ) throws -> [Double] {
    let convolution = try IsolatedConvolution(
      shape: shape, batchSize: batch, pool: pool, precision: precision)
    return [
      Bench.median(repeats) { convolution.forward() },
      Bench.median(repeats) { convolution.backwardData() },
      Bench.median(repeats) { convolution.backwardWeights() },
    ]
  }

  /// GFLOP/s of all threads together.
  private func peak() throws -> Double {
    let kernels = Kernels.current
    let (rows, depth) = (kernels.tileRows, 256)
    let columns = kernels.panelLanes
    let repeats = 20_000
    let flops = Double(2 * rows * columns * depth * repeats * pool.threads)
    let scratch = try (0..<pool.threads).map { _ in
      try AlignedBuffer<Float>(count: rows * depth + depth * columns + rows * columns)
    }
    let milliseconds = Bench.median(5) {
      pool.forEach(pool.threads) { index, _ in
        let a = scratch[index].pointer
        let b = a + rows * depth
        let c = b + depth * columns
        for _ in 0..<repeats {
          kernels.multiplyPanel(
            rows: rows, columns: columns, depth: depth, a: a, panelStride: rows * depth, b: b,
            c: c, rowStride: columns, accumulate: false)
        }
      }
    }
    return flops / milliseconds / 1e6
  }

  /// The most memory that was ever resident, in MB.
  private static func residentPeak() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
  }

  private static func precision(_ name: String) throws -> Precision {
    guard let precision = Precision(rawValue: name) else {
      throw CifarError(
        .invalidArgument,
        "unknown mode '\(name)'; use \(Precision.allCases.map(\.rawValue).alternatives)")
    }
    return precision
  }

  /// Median milliseconds of `body`, after one run that is not counted.
  private static func median(_ repeats: Int, _ body: () -> Void) -> Double {
    body()
    let times = (0..<max(1, repeats)).map { _ in
      let start = now()
      body()
      return now() - start
    }.sorted()
    return (times[times.count / 2] + times[(times.count - 1) / 2]) / 2
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) * 1e-6
  }
}
