import CifarCore
import Glibc
import Kernels

public struct AdamOptions: Codable, Equatable, Sendable {
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double

  /// PyTorch's epsilon is 1e-8, Keras's 1e-7.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}

/// Adam (Kingma & Ba 2015) over all parameters of a network; the formula stands at `AdamStep`.
///
/// The network's dialect decides where epsilon is added: to √v̂ as PyTorch does, or to √v before
/// the bias correction as Keras does.
public final class Adam {
  public let options: AdamOptions
  /// Steps taken so far.
  public private(set) var stepCount = 0

  private let network: Network
  private let pool: ThreadPool
  private let kernels: any KernelTable
  /// First moments, laid out as the parameters are.
  private let averages: AlignedBuffer<Float>
  /// Second moments.
  private let squares: AlignedBuffer<Float>

  /// Floats that one thread updates at a time: large enough to be worth the hand-over.
  private static let chunk = 16_384

  public init(
    network: Network, options: AdamOptions, pool: ThreadPool,
    kernels: any KernelTable = Kernels.current
  ) {
    self.network = network
    self.kernels = kernels
    self.options = options
    self.pool = pool
    averages = AlignedBuffer(count: network.values.count)
    squares = AlignedBuffer(count: network.values.count)
  }

  /// Moves the weights by the gradients that the last training step left.
  public func step(learningRate: Double) {
    stepCount += 1
    let correction1 = 1 - pow(options.beta1, Double(stepCount))
    let correction2 = 1 - pow(options.beta2, Double(stepCount))
    let root = correction2.squareRoot()
    let step =
      switch network.dialect {
      case .pytorch: numbers(rate: learningRate / correction1, rootScale: 1 / root)
      case .keras: numbers(rate: learningRate * root / correction1, rootScale: 1)
      }
    let total = network.values.count
    pool.forEach(blocks(total, of: Adam.chunk)) { index, _ in
      let start = index * Adam.chunk
      kernels.adam(
        count: min(Adam.chunk, total - start), parameters: network.values.pointer + start,
        gradients: network.gradients.pointer + start, averages: averages.pointer + start,
        squares: squares.pointer + start, step: step)
    }
    network.weightsChanged()
  }

  private func numbers(rate: Double, rootScale: Double) -> AdamStep {
    AdamStep(
      beta1: Float(options.beta1), beta2: Float(options.beta2), rate: Float(rate),
      rootScale: Float(rootScale), epsilon: Float(options.epsilon))
  }

  /// The moments, as `optimizer.exp_avg.0.weight` and `optimizer.exp_avg_sq.0.weight`: PyTorch's
  /// words for them.
  public func stateTensors() -> [Tensor] {
    tensors("optimizer.exp_avg.", averages) + tensors("optimizer.exp_avg_sq.", squares)
  }

  /// Takes over moments and the number of steps they stand for.
  ///
  /// - Throws: `shapeMismatch` if a moment is missing or has another shape than its parameter; then
  ///   nothing has changed.
  public func load(_ tensors: [Tensor], stepCount: Int) throws {
    let given = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    var found: [(values: [Float], target: UnsafeMutablePointer<Float>)] = []
    for (prefix, buffer) in [("optimizer.exp_avg.", averages), ("optimizer.exp_avg_sq.", squares)] {
      for parameter in network.parameters {
        guard let tensor = given[prefix + parameter.name] else {
          throw CifarError(
            .shapeMismatch, "the checkpoint has no tensor '\(prefix + parameter.name)'")
        }
        guard tensor.shape == parameter.shape, tensor.values.count == parameter.count else {
          throw CifarError(
            .shapeMismatch,
            "tensor '\(tensor.name)' is \(tensor.shape), its parameter is \(parameter.shape)")
        }
        found.append((tensor.values, buffer.pointer + parameter.offset))
      }
    }
    for (values, target) in found { target.update(from: values, count: values.count) }
    self.stepCount = stepCount
  }

  private func tensors(_ prefix: String, _ buffer: AlignedBuffer<Float>) -> [Tensor] {
    network.parameters.map { parameter in
      let start = buffer.pointer + parameter.offset
      return Tensor(
        name: prefix + parameter.name, shape: parameter.shape,
        values: Array(UnsafeBufferPointer(start: start, count: parameter.count)))
    }
  }
}
