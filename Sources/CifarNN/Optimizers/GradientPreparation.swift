import CifarCore
import Kernels

/// Clips gradients and decays weights, in the order that both frameworks keep: first clip, then
/// decay.
final class GradientPreparation {
  private let network: Network
  private let pool: ThreadPool
  private let kernels: any KernelTable
  private let options: GradientOptions
  private let subset: ParameterSubset
  /// Σ g² of each chunk.
  private let sums: AlignedBuffer<Double>

  init(
    network: Network, options: GradientOptions, subset: ParameterSubset, pool: ThreadPool,
    kernels: any KernelTable
  ) throws {
    try network.allocateGradients()
    self.network = network
    self.options = options
    self.pool = pool
    self.kernels = kernels
    self.subset = subset
    sums = try AlignedBuffer(count: max(1, subset.chunks.count))
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
    pool.forEach(subset.chunks.count) { index, _ in
      let chunk = subset.chunks[index]
      kernels.decay(
        count: chunk.count, parameters: network.values.pointer + chunk.place,
        gradients: network.gradients.pointer + chunk.place, scale: scale, penalty: penalty,
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
    pool.forEach(subset.parameters.count) { index, _ in
      let parameter = subset.parameters[index]
      let gradients = network.gradients.pointer + parameter.offset
      let norm = kernels.squareSum(gradients, count: parameter.count).squareRoot()
      let scale = Float(clipScale(norm, limit))
      if scale != 1 { kernels.scale(gradients, count: parameter.count, factor: scale) }
    }
  }

  /// NaN stays.
  private func clipValues(_ limit: Float) {
    pool.forEach(subset.chunks.count) { index, _ in
      let chunk = subset.chunks[index]
      kernels.clip(network.gradients.pointer + chunk.place, count: chunk.count, limit: limit)
    }
  }

  private func globalNorm() -> Double {
    pool.forEach(subset.chunks.count) { index, _ in
      let chunk = subset.chunks[index]
      sums[index] = kernels.squareSum(
        network.gradients.pointer + chunk.place, count: chunk.count)
    }
    var total = 0.0
    for index in subset.chunks.indices { total += sums[index] }
    return total.squareRoot()
  }
}
