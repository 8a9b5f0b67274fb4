import CifarCore
import Kernels

/// The values between two operators, and their gradient.
///
/// An image is blocked, (N, C/lanes, H, W, lanes); flat values are (N, F). Images may be stored as
/// bfloat16 or, in a quantized model, as bytes; everything else is float32.
final class Activation {
  let shape: ValueShape
  /// Numbers that one image takes, padding of the last channel group included.
  let stride: Int
  /// Whether the values are in memory, and not computed wherever they are read.
  let isStored: Bool
  let stored: Values
  /// dLoss/dvalues; nil where nobody needs it.
  let gradient: UnsafeMutablePointer<Float>?
  private let memory: AlignedBuffer<UInt8>
  private let gradientMemory: AlignedBuffer<Float>?

  /// - Parameters:
  ///   - storage: nil where the values are not stored.
  ///   - step: of bytes.
  ///   - gradient: shared with other activations whose gradients are not needed at the same time.
  /// - Throws: `outOfMemory`.
  init(
    shape: ValueShape, lanes: Int, batchSize: Int, storage: Storage? = .float32, step: Float = 1,
    gradient: AlignedBuffer<Float>?
  ) throws {
    self.shape = shape
    stride = Activation.stride(of: shape, lanes: lanes)
    isStored = storage != nil
    memory = try AlignedBuffer(
      count: batchSize * stride * (storage?.bytes ?? 0), for: "the activations")
    stored = Values(
      base: UnsafeMutableRawPointer(memory.pointer), storage: storage ?? .float32, step: step)
    gradientMemory = gradient
    let count = batchSize * stride
    self.gradient = gradient.map { Activation.middle($0, count: count) }
  }

  /// The same values for another reader, with a gradient of their own.
  init(of other: Activation, batchSize: Int, gradient: AlignedBuffer<Float>?) {
    shape = other.shape
    stride = other.stride
    isStored = other.isStored
    memory = other.memory
    stored = other.stored
    gradientMemory = gradient
    let count = batchSize * stride
    self.gradient = gradient.map { Activation.middle($0, count: count) }
  }

  /// Gradients of different sizes that share a buffer have their middle in the same place: so the thread
  /// that has the first half of the images need not take cache lines from the one that has the second.
  private static func middle(
    _ buffer: AlignedBuffer<Float>, count: Int
  ) -> UnsafeMutablePointer<Float> {
    // Whole cache lines.
    buffer.pointer + (buffer.count - count) / 2 / 16 * 16
  }

  /// The values of rows, and of images that are stored as float32.
  var values: UnsafeMutablePointer<Float> { stored.floats }

  static func stride(of shape: ValueShape, lanes: Int) -> Int {
    switch shape {
    case .image(let channels, let height, let width):
      blocks(channels, of: lanes) * lanes * height * width
    case .flat(let count): count
    }
  }
}
