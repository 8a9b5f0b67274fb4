import CheckpointFormat
import CifarCore
import Kernels

/// An exponential moving average of a network's weights, PyTorch's `AveragedModel` with
/// `get_ema_multi_avg_fn(decay)`: after the first step the weights themselves, then
/// average = decay·average + (1 − decay)·weight after every step. Running statistics are not averaged.
public final class WeightAverage {
  private let decay: Double
  private let network: Network
  private let pool: ThreadPool
  private let kernels: any KernelTable
  private let subset: ParameterSubset
  /// The average; in its place, the weights that are trained. In a checkpoint the average has the
  /// weights' own names, because it is what the model computes with.
  private let slot: OptimizerSlot
  private var stepCount = 0
  /// Whether the network has the average, and the slot the weights that are trained.
  private var isInPlace = false

  /// - Parameter decay: from 0 to below 1.
  /// - Throws: `outOfMemory`.
  public init(
    network: Network, decay: Double, pool: ThreadPool, kernels: any KernelTable = Kernels.current
  ) throws {
    self.network = network
    self.decay = decay
    self.pool = pool
    self.kernels = kernels
    subset = network.allParameters
    slot = try OptimizerSlot("weights", subset)
  }

  /// Takes up the weights of a step that the optimizer has just taken.
  public func update() {
    let weight = stepCount == 0 ? 1 : Float(1 - decay)
    stepCount += 1
    forEachChunk { average, weights, count in
      kernels.moveToward(weights, weight: weight, count: count, average: average)
    }
  }

  /// Runs `body` while the network has the average in the place of its weights.
  public func evaluated<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard stepCount > 0, !isInPlace else { return try body() }
    exchange()
    defer { exchange() }
    return try body()
  }

  /// Training is over: the network has the average from now on.
  public func finish() {
    guard stepCount > 0, !isInPlace else { return }
    exchange()
  }

  private func exchange() {
    forEachChunk { average, weights, count in
      kernels.exchange(average, weights, count: count)
    }
    isInPlace.toggle()
    network.weightsChanged()
  }

  private func forEachChunk(
    _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    pool.forEach(subset.chunks.count) { index, _ in
      let chunk = subset.chunks[index]
      body(slot.buffer.pointer + chunk.slot, network.values.pointer + chunk.place, chunk.count)
    }
  }

  /// The weights that are trained; to be asked for while the average is in their place. None before
  /// the first step, when the network has them.
  public func stateTensors() -> [Tensor] { stepCount == 0 ? [] : slot.tensors() }

  public var stateNames: [String] { stepCount == 0 ? [] : slot.names }
  public var stateBytes: Int { slot.bytes }

  /// Takes over a checkpoint's weights, after the network did.
  ///
  /// - Throws: as `Optimizer.load`.
  public func load(_ tensors: [Tensor], stepCount: Int) throws {
    guard stepCount > 0 else { return }
    try OptimizerSlot.load([slot], tensors)
    self.stepCount = stepCount
    isInPlace = true
    exchange()
  }
}
