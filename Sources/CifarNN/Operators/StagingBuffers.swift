import Kernels

/// Parts of images as float32, however they are stored: each worker has a buffer for every part that
/// it needs at a time. Nothing is copied where they are float32 anyway.
struct StagingBuffers {
  private let kernels: any KernelTable
  private let scratch: Scratch
  private let size: Int

  /// - Parameter size: as in `scratch`.
  init(size: Int, context: OperatorContext) {
    kernels = context.kernels
    scratch = context.scratch
    self.size = size
  }

  /// - Parameters:
  ///   - count: parts that a worker needs at a time.
  ///   - size: numbers in the largest of them, a multiple of the lanes.
  static func scratch(_ count: Int, size: Int, _ target: PlanTarget) -> ScratchSize {
    target.hasOnlyFloats
      ? ScratchSize() : ScratchSize(worker: count * size, for: .staging)
  }

  /// The first `count` of the values, to be read.
  func read(
    _ values: Values, count: Int, worker: Int, buffer: Int = 0
  ) -> UnsafePointer<Float> {
    let floats: UnsafeMutablePointer<Float>
    switch values.storage {
    case .float32: return UnsafePointer(values.floats)
    case .bfloat16:
      floats = place(worker, buffer)
      kernels.widen(values.bfloat16s, count: count, to: floats)
    case .uint8, .int8:
      floats = place(worker, buffer)
      kernels.dequantize(values, count: count, to: floats)
    }
    return UnsafePointer(floats)
  }

  /// Has `body` write the first `count` of the values.
  func write(
    _ values: Values, count: Int, worker: Int, buffer: Int = 0,
    _ body: (UnsafeMutablePointer<Float>) -> Void
  ) {
    if values.storage == .float32 { return body(values.floats) }
    let floats = place(worker, buffer)
    body(floats)
    if values.storage == .bfloat16 {
      kernels.narrow(floats, count: count, to: values.bfloat16s)
    } else {
      kernels.quantize(floats, count: count, to: values)
    }
  }

  private func place(_ worker: Int, _ buffer: Int) -> UnsafeMutablePointer<Float> {
    scratch.pointer(worker: worker, for: .staging) + buffer * size
  }
}
