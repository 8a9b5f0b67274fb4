import CifarCore
import Kernels

/// Clips gradients and decays weights, in the order that both frameworks keep: first clip, then
/// decay.
final class GradientPreparation {
  private let network: Network
  private let pool: ThreadPool
  private let kernels: any KernelTable
  private let options: GradientOptions
  private let chunks: ParameterChunks
  /// Σ g² of each chunk.
  private let sums: AlignedBuffer<Double>

  init(
    network: Network, options: GradientOptions, pool: ThreadPool, kernels: any KernelTable
  ) throws {
    try network.allocateGradients()
    self.network = network
    self.options = options
    self.pool = pool
    self.kernels = kernels
    chunks = ParameterChunks(total: network.values.count)
    sums = try AlignedBuffer(count: max(1, chunks.count))
  }

  func run(learningRate: Double) {
    var scale: Float = 1
    switch options.clipping {
    case .none: break
    case .norm(let limit): scale = Float(clipScale(globalNorm(), limit))
    case .variableNorm(let limit): clipVariables(limit)
    case .value(let limit): clipValues(Float(limit))
    }
    let penalty = options.isDecoupled ? 0 : Float(options.weightDecay)
    let keep = options.isDecoupled ? Float(1 - learningRate * options.weightDecay) : 1
    guard scale != 1 || penalty != 0 || keep != 1 else { return }
    pool.forEach(chunks.count) { index, _ in
      let range = chunks.range(index)
      kernels.decay(
        count: range.count, parameters: network.values.pointer + range.lowerBound,
        gradients: network.gradients.pointer + range.lowerBound, scale: scale, penalty: penalty,
        keep: keep)
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
      let norm = kernels.squareSum(gradients, count: parameter.count).squareRoot()
      let scale = Float(clipScale(norm, limit))
      if scale != 1 { kernels.scale(gradients, count: parameter.count, factor: scale) }
    }
  }

  /// NaN stays.
  private func clipValues(_ limit: Float) {
    pool.forEach(chunks.count) { index, _ in
      let range = chunks.range(index)
      kernels.clip(
        network.gradients.pointer + range.lowerBound, count: range.count, limit: limit)
    }
  }

  private func globalNorm() -> Double {
    pool.forEach(chunks.count) { index, _ in
      let range = chunks.range(index)
      sums[index] = kernels.squareSum(
        network.gradients.pointer + range.lowerBound, count: range.count)
    }
    var total = 0.0
    for index in 0..<chunks.count { total += sums[index] }
    return total.squareRoot()
  }
}
