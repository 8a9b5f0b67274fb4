import Kernels

/// Lends layers parts of images as float32, however they are kept: a worker has a desk for each
/// part that it needs at a time. Nothing is copied where they are float32 anyway.
struct PlaneDesks {
  private let kernels: any KernelTable
  private let scratch: Scratch
  private let size: Int

  /// - Parameters:
  ///   - count: parts that a worker needs at a time.
  ///   - size: numbers in the largest of them, a multiple of the lanes.
  init(_ count: Int, size: Int, context: LayerContext) {
    kernels = context.kernels
    scratch = context.scratch
    self.size = size
    if context.storage != .float32 {
      context.scratch.reserve(worker: count * size, for: .desks)
    }
  }

  /// The first `count` of the values, to be read.
  func read(_ values: Values, count: Int, worker: Int, desk: Int = 0) -> UnsafePointer<Float> {
    guard values.storage == .bfloat16 else { return UnsafePointer(values.floats) }
    let floats = place(worker, desk)
    kernels.widen(values.halves, count: count, to: floats)
    return UnsafePointer(floats)
  }

  /// Where the values are to be written; `keep` must follow.
  func write(_ values: Values, worker: Int, desk: Int = 0) -> UnsafeMutablePointer<Float> {
    values.storage == .bfloat16 ? place(worker, desk) : values.floats
  }

  /// Keeps the first `count` of what was written.
  func keep(_ values: Values, count: Int, worker: Int, desk: Int = 0) {
    guard values.storage == .bfloat16 else { return }
    kernels.narrow(place(worker, desk), count: count, to: values.halves)
  }

  private func place(_ worker: Int, _ desk: Int) -> UnsafeMutablePointer<Float> {
    scratch.pointer(worker: worker, for: .desks) + desk * size
  }
}
