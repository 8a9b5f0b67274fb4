import CifarCore

/// What is done to gradients and weights before the optimizer's own formula.
public struct GradientOptions: Equatable, Sendable {
  /// The largest Euclidean norm that all gradients together may have; nil for any.
  public var clipNorm: Double?
  public var weightDecay: Double
  /// Where the decay goes: w = w − learning rate · decay · w, as AdamW and every optimizer of Keras
  /// have it; or, if not, gradient = gradient + decay · w, the L2 penalty of PyTorch's SGD and Adam.
  public var isDecoupled: Bool

  public init(clipNorm: Double? = nil, weightDecay: Double = 0, isDecoupled: Bool = false) {
    self.clipNorm = clipNorm
    self.weightDecay = weightDecay
    self.isDecoupled = isDecoupled
  }
}

/// Clips gradients and decays weights, in the order that both frameworks keep: first clip, then
/// decay.
final class GradientPreparation {
  private let network: Network
  private let pool: ThreadPool
  private let options: GradientOptions
  private let pieces: ParameterPieces
  /// Σ g² of each piece.
  private let sums: AlignedBuffer<Double>

  init(network: Network, options: GradientOptions, pool: ThreadPool) throws {
    try network.allocateGradients()
    self.network = network
    self.options = options
    self.pool = pool
    pieces = ParameterPieces(total: network.values.count)
    sums = try AlignedBuffer(count: max(1, pieces.count))
  }

  func run(learningRate: Double) {
    let scale = Float(options.clipNorm.map(clipScale) ?? 1)
    let decay = options.isDecoupled ? 0 : Float(options.weightDecay)
    let keep = options.isDecoupled ? Float(1 - learningRate * options.weightDecay) : 1
    guard scale != 1 || decay != 0 || keep != 1 else { return }
    pool.forEach(pieces.count) { index, _ in
      let range = pieces.range(index)
      let gradients = network.gradients.pointer + range.lowerBound
      let weights = network.values.pointer + range.lowerBound
      for i in 0..<range.count {
        gradients[i] = gradients[i] * scale + decay * weights[i]
        weights[i] *= keep
      }
    }
  }

  /// What the gradients have to be multiplied by.
  ///
  /// PyTorch's `clip_grad_norm_` has min(1, c / (norm + 1e-6)), Keras's `clip_by_global_norm`
  /// c · min(1 / norm, 1 / c). A norm that is no number makes the weights none in both.
  private func clipScale(_ limit: Double) -> Double {
    let norm = globalNorm()
    switch network.dialect {
    case .pytorch:
      let scale = limit / (norm + 1e-6)
      return scale > 1 ? 1 : scale
    case .keras: return norm <= limit ? 1 : limit / norm + (norm - norm)
    }
  }

  private func globalNorm() -> Double {
    pool.forEach(pieces.count) { index, _ in
      let range = pieces.range(index)
      sums[index] = GradientPreparation.squareSum(
        network.gradients.pointer + range.lowerBound, range.count)
    }
    var total = 0.0
    for index in 0..<pieces.count { total += sums[index] }
    return total.squareRoot()
  }

  /// Σ x², with 8 sums side by side: their order is fixed whatever the machine.
  private static func squareSum(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
    var sums = SIMD8<Double>.zero
    var i = 0
    while i + 8 <= count {
      let values = SIMD8<Double>(
        UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self))
      sums += values * values
      i += 8
    }
    var total = sums.sum()
    while i < count {
      total += Double(x[i]) * Double(x[i])
      i += 1
    }
    return total
  }
}
