import CifarCore
import Kernels

/// Σ dy and Σ dy·(x − mean) of a channel.
struct ChannelGradients {
  var sum = 0.0
  var products = 0.0

  static func + (one: ChannelGradients, other: ChannelGradients) -> ChannelGradients {
    ChannelGradients(sum: one.sum + other.sum, products: one.products + other.products)
  }
}

/// The statistics of one batch normalisation, and what they make of its two passes.
///
/// Forward: y = γ·(x − μ)·σ⁻¹ + β with σ⁻¹ = 1/√(var + ε), which is scale·x + offset.
/// Backward: dx = γ·σ⁻¹·(dy − mean(dy) − x̂·mean(dy·x̂)), which is scale·dy + slope·x + constant.
/// Source: Ioffe & Szegedy 2015, "Batch Normalization".
final class BatchNormalization {
  let channels: Int
  /// Whether a training pass takes the mean and variance of its batch, and moves the running ones. A
  /// frozen one is scale·x + offset by the running ones, and its dx is scale·dy.
  let usesBatch: Bool
  let parameters: [String]
  private let momentum: Double
  private let epsilon: Double
  private let network: Network
  private let pool: ThreadPool
  private let unbiased: Bool
  /// nil for a γ of 1 that is not trained.
  private let weight: UnsafePointer<Float>?
  private let bias: UnsafePointer<Float>
  private let weightGradient: UnsafeMutablePointer<Float>?
  private let biasGradient: UnsafeMutablePointer<Float>?
  private let runningMean: UnsafeMutablePointer<Float>
  private let runningVariance: UnsafeMutablePointer<Float>

  // All (groups of lanes, padded with zeros).
  let scale: AlignedBuffer<Float>
  let offset: AlignedBuffer<Float>
  let slope: AlignedBuffer<Float>
  let constant: AlignedBuffer<Float>
  let mean: AlignedBuffer<Float>
  private let inverseDeviation: AlignedBuffer<Float>
  /// (channels): sums over the batch.
  private let moments: AlignedBuffer<ChannelMoments>
  private let gradients: AlignedBuffer<ChannelGradients>

  /// - Parameter node: with every option spelled out.
  /// - Throws: `internal` for another layer, `outOfMemory`.
  init(_ node: LayerNode, context: OperatorContext) throws {
    guard case .batchNorm(let momentum?, let epsilon?, let unbiased?, let hasScale, _) = node.spec
    else {
      throw CifarError(.internal, "layer \(node.label) is no resolved batch normalisation")
    }
    let name = node.path
    parameters = node.parameters.map { "\(name).\($0.name)" }
    network = context.network
    pool = context.pool
    channels = node.input.channels
    usesBatch = !node.isFrozen
    self.momentum = momentum
    self.epsilon = epsilon
    self.unbiased = unbiased
    weight = hasScale ? UnsafePointer(try network.pointer("\(name).weight")) : nil
    bias = UnsafePointer(try network.pointer("\(name).bias"))
    weightGradient =
      context.training && hasScale ? try network.gradientPointer("\(name).weight") : nil
    biasGradient = context.training ? try network.gradientPointer("\(name).bias") : nil
    runningMean = try network.statisticPointer("\(name).running_mean")
    runningVariance = try network.statisticPointer("\(name).running_var")
    let lanes = context.kernels.lanes
    let padded = blocks(channels, of: lanes) * lanes
    scale = try AlignedBuffer(count: padded)
    offset = try AlignedBuffer(count: padded)
    slope = try AlignedBuffer(count: padded)
    constant = try AlignedBuffer(count: padded)
    mean = try AlignedBuffer(count: padded)
    inverseDeviation = try AlignedBuffer(count: padded)
    let sums = context.training ? channels : 0
    moments = try AlignedBuffer(count: sums)
    gradients = try AlignedBuffer(count: sums)
  }

  /// Sets scale and offset by the batch, and moves the running statistics.
  ///
  /// - Parameter moments: of a channel, in a group of images.
  func useBatch(_ pass: Pass, moments: (_ channel: Int, _ group: Int) -> ChannelMoments) {
    func use(_ channel: Int, _ moments: ChannelMoments) {
      let n = moments.count
      // A process may have no image of a batch, and no others to ask.
      guard n > 0 else { return }
      let (mean, variance) = (moments.mean, moments.variance)
      let kept = unbiased && n > 1 ? variance * n / (n - 1) : variance
      set(channel, mean: mean, variance: variance)
      move(&runningMean[channel], toward: mean)
      move(&runningVariance[channel], toward: kept)
    }
    forEachChannel(pass, totals: self.moments, of: moments, add: +, use: use)
  }

  /// Has the sum over the batch of each channel used, channel by channel.
  ///
  /// - Parameter ofGroup: the sum of a channel in a group of images.
  private func forEachChannel<Sum>(
    _ pass: Pass, totals: AlignedBuffer<Sum>, of ofGroup: (_ channel: Int, _ group: Int) -> Sum,
    add: (Sum, Sum) -> Sum, use: (_ channel: Int, Sum) -> Void
  ) {
    func sum(_ channel: Int) -> Sum { pass.images.sum({ ofGroup(channel, $0) }, add) }
    guard let peers = pass.peers, peers.sharesBatchNorm else {
      return pool.forEach(channels) { channel, _ in use(channel, sum(channel)) }
    }
    pool.forEach(channels) { channel, _ in totals[channel] = sum(channel) }
    peers.sum(totals.pointer, count: channels, add)
    for channel in 0..<channels { use(channel, totals[channel]) }
  }

  /// Rounded once, at the end: a small value would drown in the rounding of the step to it.
  private func move(_ statistic: inout Float, toward value: Double) {
    statistic = Float(Double(statistic) + momentum * (value - Double(statistic)))
  }

  /// Sets scale and offset by the running statistics.
  func useRunningStatistics() {
    for channel in 0..<channels {
      set(
        channel, mean: Double(runningMean[channel]), variance: Double(runningVariance[channel]))
    }
  }

  private func set(_ channel: Int, mean: Double, variance: Double) {
    let inverse = 1 / (variance + epsilon).squareRoot()
    let factor = Double(weight?[channel] ?? 1) * inverse
    inverseDeviation[channel] = Float(inverse)
    self.mean[channel] = Float(mean)
    scale[channel] = Float(factor)
    offset[channel] = Float(Double(bias[channel]) - mean * factor)
  }

  /// Sets slope and constant, and the gradients of weight and bias.
  ///
  /// - Parameters:
  ///   - pixels: values that an image has of a channel.
  ///   - sums: of a channel, in a group of images.
  func useGradients(
    _ pass: Pass, pixels: Int, sums: (_ channel: Int, _ group: Int) -> ChannelGradients
  ) {
    guard usesBatch, let biasGradient else { return }
    let (trainsWeight, trainsBias) = (
      network.isTrained(parameters[0]), network.isTrained(parameters[parameters.count - 1])
    )
    let isAlone = pass.peers.map { !$0.sharesBatchNorm } ?? false
    let n = Double((isAlone ? max(1, pass.count) : pass.images.total) * pixels)
    func use(_ channel: Int, _ gradients: ChannelGradients) {
      let (sum, products) = (gradients.sum, gradients.products)
      let inverse = Double(inverseDeviation[channel])
      let factor = Double(scale[channel])
      let normalized = products * inverse  // Σ dy·x̂
      if trainsWeight { weightGradient?[channel] = Float(normalized) }
      if trainsBias { biasGradient[channel] = Float(sum) }
      let slope = -factor * normalized / n * inverse
      self.slope[channel] = Float(slope)
      constant[channel] = Float(-factor * sum / n - slope * Double(mean[channel]))
    }
    forEachChannel(pass, totals: gradients, of: sums, add: +, use: use)
  }
}
