import CifarCore
import Kernels

/// Inverted dropout: values stay with probability 1 − rate and are then divided by it.
///
/// The mask is a function of (seed, layer, step, element), so it needs no state and is the same
/// for any number of threads.
struct Dropout {
  /// The layer's place in the model: each layer has random numbers of its own.
  let layer: Int
  let rate: Double

  init(layer: Int, rate: Double) {
    self.layer = layer
    self.rate = rate
  }

  /// nil for another layer.
  init?(_ node: LayerNode) {
    guard case .dropout(let rate) = node.spec else { return nil }
    self.init(layer: node.number, rate: rate)
  }

  /// What a value that stays is multiplied by.
  var scale: Float { Float(1 / (1 - rate)) }

  /// The random words of the `run`-th run of `count` elements.
  func draw(_ pass: Pass, run: Int, of count: Int, lanes: Int) -> DropoutDraw {
    let counters = blocks(count, of: 4 * lanes) * lanes
    return DropoutDraw(
      key: [UInt32(truncatingIfNeeded: pass.seed), UInt32(truncatingIfNeeded: pass.seed >> 32)],
      place: [
        UInt32(truncatingIfNeeded: pass.step), UInt32(layer),
        RandomPurpose.dropout.rawValue | UInt32(truncatingIfNeeded: pass.step >> 32) << 8, 0,
      ],
      firstBlock: UInt32(truncatingIfNeeded: run * counters),
      threshold: UInt32(rate * 0x1p32))
  }
}
