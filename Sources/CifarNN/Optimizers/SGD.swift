import CheckpointFormat
import CifarCore

public struct SGDOptions: Equatable, Sendable {
  public var momentum: Double
  public var nesterov: Bool

  public init(momentum: Double = 0, nesterov: Bool = false) {
    self.momentum = momentum
    self.nesterov = nesterov
  }
}

/// Stochastic gradient descent with momentum (Sutskever et al. 2013), over all parameters of a
/// network.
///
/// PyTorch:  m = µ·m + g;       w = w − rate · m,  or with Nesterov  w − rate · (g + µ·m)
/// Keras:    m = µ·m − rate·g;  w = w + m,         or with Nesterov  w + µ·m − rate·g
///
/// They part where the rate changes: PyTorch's applies to the whole momentum at once, Keras's to
/// what is new in it. The network's dialect decides.
public final class SGD: Optimizer {
  private let network: Network
  private let options: SGDOptions
  private let pool: ThreadPool
  private let pieces: ParameterPieces
  private let preparation: GradientPreparation
  /// nil without momentum.
  private let momentum: OptimizerSlot?

  public init(
    network: Network, options: SGDOptions, gradients: GradientOptions = GradientOptions(),
    pool: ThreadPool
  ) throws {
    self.network = network
    self.options = options
    self.pool = pool
    pieces = ParameterPieces(total: network.values.count)
    preparation = try GradientPreparation(network: network, options: gradients, pool: pool)
    momentum =
      options.momentum == 0
      ? nil : try OptimizerSlot(prefix: "optimizer.momentum_buffer.", network: network)
  }

  public func step(learningRate: Double) {
    preparation.run(learningRate: learningRate)
    let rate = Float(learningRate)
    pool.forEach(pieces.count) { index, _ in
      let range = pieces.range(index)
      let weights = network.values.pointer + range.lowerBound
      let gradients = network.gradients.pointer + range.lowerBound
      if let momentum {
        move(weights, gradients, momentum.buffer.pointer + range.lowerBound, range.count, rate)
      } else {
        for i in 0..<range.count { weights[i] -= rate * gradients[i] }
      }
    }
    network.weightsChanged()
  }

  private func move(
    _ weights: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>,
    _ momentum: UnsafeMutablePointer<Float>, _ count: Int, _ rate: Float
  ) {
    let share = Float(options.momentum)
    switch (network.dialect, options.nesterov) {
    case (.pytorch, false):
      for i in 0..<count {
        momentum[i] = share * momentum[i] + gradients[i]
        weights[i] -= rate * momentum[i]
      }
    case (.pytorch, true):
      for i in 0..<count {
        momentum[i] = share * momentum[i] + gradients[i]
        weights[i] -= rate * (gradients[i] + share * momentum[i])
      }
    case (.keras, false):
      for i in 0..<count {
        momentum[i] = share * momentum[i] - rate * gradients[i]
        weights[i] += momentum[i]
      }
    case (.keras, true):
      for i in 0..<count {
        momentum[i] = share * momentum[i] - rate * gradients[i]
        weights[i] += share * momentum[i] - rate * gradients[i]
      }
    }
  }

  public func stateTensors() -> [Tensor] { momentum?.tensors(of: network) ?? [] }

  public var stateBytes: Int { momentum?.bytes ?? 0 }

  public func load(_ tensors: [Tensor], stepCount: Int) throws {
    if let momentum { try OptimizerSlot.load([momentum], tensors, of: network) }
  }
}
