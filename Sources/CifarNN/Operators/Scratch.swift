import CifarCore

/// Floats of memory that operators use one after the other, none across two of its calls.
struct ScratchSize: Equatable, Sendable {
  /// For all workers together.
  private(set) var shared = 0
  /// Likewise, for `FilterGradientSums`.
  private(set) var filterSums = 0
  /// For each of them, by use.
  private(set) var worker = [Int](repeating: 0, count: Scratch.Use.allCases.count)

  init(shared: Int = 0, filterSums: Int = 0, worker: Int = 0, for use: Scratch.Use = .own) {
    self.shared = shared
    self.filterSums = filterSums
    self.worker[use.rawValue] = worker
  }

  /// Grows to what either needs: they are not used at the same time.
  mutating func formUnion(_ other: ScratchSize) {
    shared = max(shared, other.shared)
    filterSums = max(filterSums, other.filterSums)
    for use in worker.indices { worker[use] = max(worker[use], other.worker[use]) }
  }

  func union(_ other: ScratchSize) -> ScratchSize {
    var result = self
    result.formUnion(other)
    return result
  }

  func bytes(threads: Int) -> Int {
    ScratchLayout(self).floats(threads: threads) * MemoryLayout<Float>.stride
  }
}

/// Where the parts of the scratch memory begin, in floats.
///
/// What belongs to different workers lies far apart. A processor that sees a loop with a large
/// stride reads ahead of it, and so beyond the end of what its thread works on: if that is another
/// thread's, it takes the cache lines away that are being written there. Transforms took three
/// times as long.
private struct ScratchLayout {
  let filterSums: Range<Int>
  /// Of the first worker's memory; those of the others follow at equal distances.
  let starts: [Int]
  let workerStride: Int

  /// Floats between the workers: 512 KB. With 128 KB threads were seen to disturb each other, with
  /// 256 KB not.
  private static let gap = 1 << 17

  init(_ size: ScratchSize) {
    func wholeLines(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    let shared = wholeLines(size.shared)
    filterSums = shared..<(shared + wholeLines(size.filterSums))
    let first = filterSums.upperBound + ScratchLayout.gap
    var starts: [Int] = []
    var end = first
    for worker in size.worker {
      starts.append(end)
      end += wholeLines(worker)
    }
    self.starts = starts
    workerStride = end - first + ScratchLayout.gap
  }

  func floats(threads: Int) -> Int { starts[0] + threads * workerStride }
}

/// The scratch memory of a plan. What one operator leaves in the caches the next one finds there.
final class Scratch {
  /// What is used by one chunk of work at the same time lies in different places.
  enum Use: Int, CaseIterable {
    /// An operator's own intermediate results.
    case own
    /// Parts of images that are stored otherwise, as float32.
    case staging
    /// Images that are computed where they are read, and stored nowhere.
    case images
    /// Gradients of images, likewise.
    case gradients
    /// Sums over images that come one after the other.
    case sums
  }

  private let layout: ScratchLayout
  private let buffer: AlignedBuffer<Float>

  /// - Throws: `outOfMemory`.
  init(_ size: ScratchSize, threads: Int) throws {
    layout = ScratchLayout(size)
    buffer = try AlignedBuffer(
      count: layout.floats(threads: threads), for: "the intermediate results of the layers")
  }

  /// What the workers share.
  var shared: UnsafeMutablePointer<Float> { buffer.pointer }

  /// What they share for `FilterGradientSums`.
  var filterSums: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: buffer.pointer + layout.filterSums.lowerBound, count: layout.filterSums.count)
  }

  func pointer(worker: Int, for use: Use = .own) -> UnsafeMutablePointer<Float> {
    buffer.pointer + layout.starts[use.rawValue] + worker * layout.workerStride
  }
}
