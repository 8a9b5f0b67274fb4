import CifarCore
import CifarNN
import Glibc
import Kernels

/// The measurements, each in the plan of a program that does just that.
struct Bench {
  private let pool: ThreadPool
  private var training: (what: [String], plan: Plan, adam: Adam)?
  private var inference: (batch: Int, plan: Plan)?

  init(threads: Int) { pool = ThreadPool(threads: threads) }

  /// Median milliseconds of a training step of a preset.
  mutating func step(
    batch: Int, repeats: Int, model: String, precision: Precision
  ) throws -> Double {
    let what = ["\(batch)", model, precision.rawValue]
    if training?.what != what {
      let network = try Network(
        spec: .preset(model, dialect: .pytorch), dialect: .pytorch, seed: 0)
      let plan = try Plan(
        network: network, batchSize: batch, training: true, pool: pool, precision: precision)
      training = (what, plan, try Adam(network: network, options: AdamOptions(), pool: pool))
    }
    guard let training else { return .nan }
    let images = try Bench.images(batch)
    let labels = try AlignedBuffer<Int32>(count: batch)
    for index in 0..<batch { labels[index] = Int32(index % 10) }
    var step: UInt64 = 0
    return Bench.median(repeats) {
      step += 1
      _ = training.plan.trainStep(
        images: images.pointer, labels: labels.pointer, count: batch, seed: 0, step: step)
      training.adam.step(learningRate: 1e-3)
    }
  }

  /// Median milliseconds of a batch's probabilities.
  mutating func infer(batch: Int, repeats: Int) throws -> Double {
    if inference?.batch != batch {
      let network = try Network(
        spec: .preset("tutorial", dialect: .pytorch), dialect: .pytorch, seed: 0)
      inference = (
        batch, try Plan(network: network, batchSize: batch, training: false, pool: pool)
      )
    }
    guard let inference else { return .nan }
    let images = try Bench.images(batch)
    let probabilities = try AlignedBuffer<Float>(count: batch * 10)
    return Bench.median(repeats) {
      inference.plan.predict(
        images: images.pointer, count: batch, probabilities: probabilities.pointer)
    }
  }

  /// Median milliseconds of forward, backward to the data, backward to the weights.
  func layer(
    input: Int, output: Int, size: Int, batch: Int, repeats: Int, precision: Precision
  ) throws -> [Double] {
    let shape = ConvolutionShape(
      inputChannels: input, outputChannels: output, height: size, width: size, kernel: 3,
      stride: 1, padding: 1)
    let convolution = try IsolatedConvolution(
      shape: shape, batchSize: batch, pool: pool, precision: precision)
    return [
      Bench.median(repeats) { convolution.forward() },
      Bench.median(repeats) { convolution.backwardData() },
      Bench.median(repeats) { convolution.backwardWeights() },
    ]
  }

  /// GFLOP/s of all threads together.
  func peak() throws -> Double {
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
  static func residentPeak() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
  }

  /// (batch, 3, 32, 32) of something like normalised pixels.
  private static func images(_ batch: Int) throws -> AlignedBuffer<Float> {
    let images = try AlignedBuffer<Float>(count: batch * 3 * 32 * 32)
    var random = RandomSequence(seed: 0, purpose: .syntheticImages)
    for index in 0..<images.count { images[index] = Float(random.uniform() * 4 - 2) }
    return images
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
