import CifarCore
import Kernels

/// The values between two layers, and their gradient.
///
/// An image is blocked, (N, C/lanes, H, W, lanes); flat values are (N, F). Images may be kept as
/// bfloat16, everything else is float32.
final class Activation {
  let shape: ValueShape
  /// Numbers that one image takes, padding of the last channel group included.
  let stride: Int
  let stored: Values
  /// dLoss/dvalues; nil where nobody needs it.
  let gradient: UnsafeMutablePointer<Float>?
  /// Where the gradient lies.
  let gradientStorage: AlignedBuffer<Float>?
  private let memory: AlignedBuffer<UInt8>
  /// Whether the values are in memory, and not made again wherever they are read.
  let isKept: Bool

  /// - Parameter gradient: shared with other activations whose gradients are not needed at the
  ///   same time.
  /// - Throws: `outOfMemory`.
  init(
    shape: ValueShape, lanes: Int, batchSize: Int, gradient: AlignedBuffer<Float>?,
    storage: Storage = .float32, isKept: Bool = true
  ) throws {
    self.shape = shape
    stride = Activation.stride(of: shape, lanes: lanes)
    var kept = Storage.float32
    if case .image = shape { kept = storage }
    self.isKept = isKept
    memory = try AlignedBuffer(
      count: isKept ? batchSize * stride * kept.bytes : 0, for: "the activations")
    stored = Values(base: UnsafeMutableRawPointer(memory.pointer), storage: kept)
    gradientStorage = gradient
    self.gradient = gradient?.pointer
  }

  /// The same values for another reader, with a gradient of their own.
  init(of other: Activation, gradient: AlignedBuffer<Float>?) {
    shape = other.shape
    stride = other.stride
    memory = other.memory
    isKept = other.isKept
    stored = other.stored
    gradientStorage = gradient
    self.gradient = gradient?.pointer
  }

  /// The values of rows, and of images that are kept as float32.
  var values: UnsafeMutablePointer<Float> { stored.floats }

  /// Bytes that the values of a batch take.
  var bytes: Int { memory.count }

  static func stride(of shape: ValueShape, lanes: Int) -> Int {
    switch shape {
    case .image(let channels, let height, let width):
      blocks(channels, of: lanes) * lanes * height * width
    case .flat(let count): count
    }
  }
}
