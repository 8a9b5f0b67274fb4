import CifarCore

/// How gradients that are too large are made smaller.
public enum GradientClipping: Equatable, Sendable {
  case none
  /// All by the same factor, so that their Euclidean norm together is at most this.
  case norm(Double)
  /// Those of each parameter by a factor of their own, so that their norm is at most this.
  case variableNorm(Double)
  /// Each number into ± this.
  case value(Double)
}

/// What is done to gradients and weights before the optimizer's own formula.
public struct GradientOptions: Equatable, Sendable {
  public var clipping: GradientClipping
  public var weightDecay: Double
  /// Where the decay goes: w = w − learning rate · decay · w, as AdamW and every optimizer of Keras
  /// have it; or, if not, gradient = gradient + decay · w, the L2 penalty of PyTorch's SGD and Adam.
  public var isDecoupled: Bool

  public init(
    clipping: GradientClipping = .none, weightDecay: Double = 0, isDecoupled: Bool = false
  ) {
    self.clipping = clipping
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
    var scale: Float = 1
    switch options.clipping {
    case .none: break
    case .norm(let limit): scale = Float(clipScale(globalNorm(), limit))
    case .variableNorm(let limit): clipVariables(limit)
    case .value(let limit): clipValues(Float(limit))
    }
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

  /// What gradients of this norm have to be multiplied by.
  ///
  /// PyTorch's `clip_grad_norm_` has min(1, c / (norm + 1e-6)), Keras's `clip_by_global_norm`
  /// c · min(1 / norm, 1 / c), and its `clipnorm` c / max(norm, c). A norm that is no number makes
  /// the weights none in both.
  private func clipScale(_ norm: Double, _ limit: Double) -> Double {
    switch network.dialect {
    case .pytorch:
      let scale = limit / (norm + 1e-6)
      return scale > 1 ? 1 : scale
    case .keras: return norm <= limit ? 1 : limit / norm + (norm - norm)
    }
  }

  /// A parameter is one thread's, so its norm has one order of summation.
  private func clipVariables(_ limit: Double) {
    pool.forEach(network.parameters.count) { index, _ in
      let parameter = network.parameters[index]
      let gradients = network.gradients.pointer + parameter.offset
      let norm = GradientPreparation.squareSum(gradients, parameter.count).squareRoot()
      let scale = Float(clipScale(norm, limit))
      if scale == 1 { return }
      for i in 0..<parameter.count { gradients[i] *= scale }
    }
  }

  /// NaN stays.
  private func clipValues(_ limit: Float) {
    pool.forEach(pieces.count) { index, _ in
      let range = pieces.range(index)
      let gradients = network.gradients.pointer + range.lowerBound
      for i in 0..<range.count {
        if gradients[i] > limit { gradients[i] = limit }
        if gradients[i] < -limit { gradients[i] = -limit }
      }
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
