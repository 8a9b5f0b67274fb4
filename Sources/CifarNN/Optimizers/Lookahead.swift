import CheckpointFormat
import CifarCore
import Glibc
import Kernels

public struct LookaheadOptions: Equatable, Sendable {
  /// Steps of the optimizer between two of the slow weights.
  public var steps: Int
  /// What the slow weights keep of themselves, a step of the optimizer, at the end of training.
  public var decay: Double
  /// How it rises to that: with this power of the time.
  public var power: Double

  public init(steps: Int = 5, decay: Double = 0.95, power: Double = 3) {
    self.steps = steps
    self.decay = decay
    self.power = power
  }
}

/// Slow weights that follow those that the optimizer moves, and from which it goes on (Zhang et al.
/// 2019, "Lookahead Optimizer"), running statistics included. After every k-th step t of T
///
///     slow = slow + (1 − α)·(weights − slow);  weights = slow;  α = decayᵏ · (t/T)^power
///
/// and at the end the weights are the slow ones.
public final class Lookahead {
  private let options: LookaheadOptions
  private let network: Network
  private let pool: ThreadPool
  private let kernels: any KernelTable
  private let subset: ParameterSubset
  private let weights: OptimizerSlot
  private let statistics: OptimizerSlot
  private let statisticSubset: ParameterSubset

  /// Begins with the weights that the network has.
  ///
  /// - Throws: `outOfMemory`.
  public init(
    network: Network, options: LookaheadOptions, pool: ThreadPool,
    kernels: any KernelTable = Kernels.current
  ) throws {
    self.options = options
    self.network = network
    self.pool = pool
    self.kernels = kernels
    subset = network.allParameters
    statisticSubset = ParameterSubset(network.statistics)
    weights = try OptimizerSlot("slow", subset)
    statistics = try OptimizerSlot("slow", statisticSubset)
    weights.buffer.copy(from: network.values)
    statistics.buffer.copy(from: network.statisticValues)
  }

  /// After a step of the optimizer.
  ///
  /// - Parameters:
  ///   - step: how many it has taken.
  ///   - all: how many it will have taken in the end.
  public func update(step: Int, of all: Int) {
    guard step % options.steps == 0 else { return }
    let time = min(1, Double(step) / Double(max(1, all)))
    follow(1 - pow(options.decay, Double(options.steps)) * pow(time, options.power))
  }

  /// Training is over: the network has the slow weights.
  public func finish() { follow(0) }

  private func follow(_ share: Double) {
    for (subset, slot, values) in [
      (subset, weights, network.values), (statisticSubset, statistics, network.statisticValues),
    ] {
      pool.forEach(subset.chunks.count) { index, _ in
        let chunk = subset.chunks[index]
        let (slow, fast) = (slot.buffer.pointer + chunk.slot, values.pointer + chunk.place)
        if share > 0 {
          kernels.moveToward(fast, weight: Float(share), count: chunk.count, average: slow)
        }
        fast.update(from: slow, count: chunk.count)
      }
    }
    network.weightsChanged()
  }

  public func stateTensors() -> [Tensor] { weights.tensors() + statistics.tensors() }

  public var stateNames: [String] { weights.names + statistics.names }
  public var stateBytes: Int { weights.bytes + statistics.bytes }

  /// Takes over a checkpoint's slow weights.
  ///
  /// - Throws: as `Optimizer.load`.
  public func load(_ tensors: [Tensor]) throws {
    try OptimizerSlot.load([weights, statistics], tensors)
  }
}
