import CifarCore
import CifarNN

/// A training step of a preset on images that mean nothing, its optimizer included.
final class TrainingStep {
  private let plan: Plan
  private let optimizer: any Optimizer
  private let rate: Double
  private let images: AlignedBuffer<Float>
  private let labels: AlignedBuffer<Int32>
  private let pool: ThreadPool
  private var count: UInt64 = 0

  init(
    batch: Int, precision: Precision, model: String, shape: ImageShape, pool: ThreadPool
  ) throws {
    let isAirbench = model.hasPrefix("airbench")
    let network = try Network(
      spec: .preset(model, dialect: .pytorch, shape: shape), dialect: .pytorch, seed: 0,
      frozen: isAirbench ? ["0.weight"] : [])
    self.pool = pool
    plan = try Plan(
      network: network, batchSize: batch, training: true, pool: pool, precision: precision)
    if isAirbench {
      plan.loss = LossOptions(labelSmoothing: 0.2, reduction: .sum)
      optimizer = try SGD(
        network: network, options: SGDOptions(momentum: 0.85, nesterov: true),
        gradients: GradientOptions(weightDecay: 1e-3), pool: pool)
      // For the sum of the losses; it must not diverge.
      rate = 1e-5
    } else {
      optimizer = try Adam(network: network, options: AdamOptions(), pool: pool)
      rate = 1e-3
    }
    images = try AlignedBuffer(count: batch * shape.count)
    var random = RandomSequence(seed: 0, purpose: .syntheticImages)
    for index in 0..<images.count { images[index] = Float(random.uniform() * 4 - 2) }
    labels = try AlignedBuffer(count: batch)
    for index in 0..<batch { labels[index] = Int32(index % 10) }
  }

  func run() {
    count += 1
    _ = plan.trainStep(
      images: images.pointer, labels: labels.pointer, count: labels.count, seed: 0, step: count)
    pool.trace?.name = "optimizer"
    optimizer.step(learningRate: rate)
  }
}
