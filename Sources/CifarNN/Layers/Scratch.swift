import CifarCore

/// Memory that layers use one after the other, none across two of its calls.
///
/// Each layer reserves what it needs when it is made; the plan allocates the largest once. What one
/// layer leaves in the caches the next one finds there.
///
/// What belongs to different workers lies far apart. A processor that sees a loop with a large
/// stride reads ahead of it, and so beyond the end of what its thread works on: if that is another
/// thread's, it takes the cache lines away that are being written there. Transforms took three
/// times as long.
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

  private let threads: Int
  private var sharedSize = 0
  private var sizes = [Int](repeating: 0, count: Use.allCases.count)
  /// Of the first worker's memory; those of the others follow at equal distances.
  private var starts: [Int] = []
  private var workerStride = 0
  private var buffer: AlignedBuffer<Float>

  /// Floats between the workers: 512 KB. With 128 KB threads were seen to disturb each other, with
  /// 256 KB not.
  private static let gap = 1 << 17

  init(threads: Int) throws {
    self.threads = threads
    buffer = try AlignedBuffer(count: 0)
  }

  /// Makes sure that there will be room for so many floats: for all workers together, and for each
  /// of them.
  func reserve(shared: Int = 0, worker: Int = 0, for use: Use = .layer) {
    sharedSize = max(sharedSize, shared)
    sizes[use.rawValue] = max(sizes[use.rawValue], worker)
  }

  /// To be called once, when all layers have been made.
  ///
  /// - Throws: `outOfMemory`.
  func allocate() throws {
    func wholeLines(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    var end = wholeLines(sharedSize) + Scratch.gap
    let first = end
    starts = []
    for size in sizes {
      starts.append(end)
      end += wholeLines(size)
    }
    workerStride = end - first + Scratch.gap
    buffer = try AlignedBuffer(
      count: first + threads * workerStride, for: "the intermediate results of the layers")
  }

  /// What the workers share; valid after `allocate`, as is the other.
  var shared: UnsafeMutablePointer<Float> { buffer.pointer }

  func pointer(worker: Int, for use: Use = .layer) -> UnsafeMutablePointer<Float> {
    buffer.pointer + starts[use.rawValue] + worker * workerStride
  }
}
