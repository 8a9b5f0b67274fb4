import CifarCore
import Kernels

/// One step of a plan: a layer, or several layers that are computed in one pass.
///
/// A layer calls kernels; it has no loops over numbers of its own. It reads its input and writes
/// its output, both made by the plan, and allocates nothing after `init`.
protocol Layer: AnyObject {
  func forward(_ pass: Pass)

  /// From the output's gradient to the parameters' gradients and, unless the input is the image,
  /// the input's. May overwrite the output's gradient.
  func backward(_ pass: Pass)
}

/// What one pass over a batch is about.
struct Pass {
  /// Images in this batch; at most what the plan was made for.
  var count: Int
  /// Training uses the statistics of the batch and draws dropout masks.
  var training: Bool
  /// With `step` the source of dropout's random numbers.
  var seed: UInt64 = 0
  var step: UInt64 = 0
}

/// The values between two layers, and their gradient.
///
/// An image is blocked, (N, C/lanes, H, W, lanes); flat values are (N, F).
final class Activation {
  let shape: ValueShape
  /// Floats that one image takes, padding of the last channel group included.
  let stride: Int
  let values: UnsafeMutablePointer<Float>
  /// dLoss/dvalues; nil where nobody needs it.
  let gradient: UnsafeMutablePointer<Float>?
  /// Where the gradient lies.
  let gradientStorage: AlignedBuffer<Float>?
  private let storage: AlignedBuffer<Float>

  /// - Parameter gradient: shared with other activations whose gradients are not needed at the
  ///   same time.
  init(shape: ValueShape, lanes: Int, batchSize: Int, gradient: AlignedBuffer<Float>?) {
    self.shape = shape
    stride = Activation.stride(of: shape, lanes: lanes)
    storage = AlignedBuffer(count: batchSize * stride)
    gradientStorage = gradient
    values = storage.pointer
    self.gradient = gradient?.pointer
  }

  /// The same values for another reader, with a gradient of their own.
  init(of other: Activation, gradient: AlignedBuffer<Float>?) {
    shape = other.shape
    stride = other.stride
    storage = other.storage
    gradientStorage = gradient
    values = storage.pointer
    self.gradient = gradient?.pointer
  }

  static func stride(of shape: ValueShape, lanes: Int) -> Int {
    switch shape {
    case .image(let channels, let height, let width):
      blocks(channels, of: lanes) * lanes * height * width
    case .flat(let count): count
    }
  }
}

/// What every layer is made with.
struct LayerContext {
  let network: Network
  let kernels: any KernelTable
  let pool: ThreadPool
  let batchSize: Int
  let scratch: Scratch
  /// Whether `backward` will ever be called.
  let training: Bool
}
