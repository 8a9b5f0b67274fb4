import CifarCore

/// Memory that layers use one after the other, none across two of its calls.
///
/// Each layer reserves what it needs when it is made; the plan allocates the largest once. What one
/// layer leaves in the caches the next one finds there.
final class Scratch {
  /// What is used by one piece of work at the same time lies in different places.
  enum Use: Int, CaseIterable {
    /// A layer's own intermediate results.
    case layer
    /// Parts of images that are kept otherwise, as float32.
    case desks
    /// Images that are made where they are read, and kept nowhere.
    case images
    /// Gradients of images, likewise.
    case gradients
  }

  private var sizes = [Int](repeating: 0, count: Use.allCases.count)
  private var buffers: [AlignedBuffer<Float>] = []

  /// Makes sure that there will be room for `count` floats.
  func reserve(_ count: Int, for use: Use = .layer) {
    sizes[use.rawValue] = max(sizes[use.rawValue], count)
  }

  /// To be called once, when all layers have been made.
  func allocate() { buffers = sizes.map { AlignedBuffer(count: $0) } }

  /// A worker's share of what all have reserved, whose layers may be at different ones.
  func pointer(
    for use: Use, worker: Int, of threads: Int
  ) -> UnsafeMutablePointer<Float> {
    pointer(for: use) + worker * (sizes[use.rawValue] / threads)
  }

  /// Valid after `allocate`.
  func pointer(for use: Use) -> UnsafeMutablePointer<Float> { buffers[use.rawValue].pointer }

  /// The layer's own.
  var pointer: UnsafeMutablePointer<Float> { pointer(for: .layer) }
}
