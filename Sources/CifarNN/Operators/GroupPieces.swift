/// The pieces that the groups of a batch are cut into, each with a sum of its own, so that there is work
/// for more threads than groups. A group has as many as every other, a power of two: the sums of the
/// pieces are leaves of the tree that those of the groups are added along (`BatchPartition`).
///
/// How many there are follows from the batch, never from the number of threads: the order of a sum does,
/// too.
struct GroupPieces: Equatable, Sendable {
  /// The most pieces of a group, a power of two.
  private let most: Int
  /// Images of a piece, the fewest where a group is cut: a sum must cost little beside what goes into it.
  private let images: Int

  /// Chunks of a job that keep 64 threads busy.
  private static let chunks = 64

  /// - Parameters:
  ///   - items: what the work on a group is shared by besides.
  ///   - images: that a piece has at least.
  init(items: Int, images: Int) {
    var most = 1
    while BatchPartition.groups * items * most < GroupPieces.chunks { most *= 2 }
    self.most = most
    self.images = images
  }

  /// Those of one group.
  func perGroup(_ batch: BatchPartition) -> Int {
    var count = 1
    while count < most, 2 * count * images <= batch.smallestGroup { count *= 2 }
    return count
  }

  /// Those of all groups that this process has.
  func count(_ batch: BatchPartition) -> Int { batch.groupCount * perGroup(batch) }

  /// The most that `count` returns for batches of which this process has `batchSize` images.
  func most(batchSize: Int) -> Int {
    var count = BatchPartition.groups
    while count < most * BatchPartition.groups, 2 * count * images <= batchSize { count *= 2 }
    return count
  }

  /// The images of a piece.
  func piece(_ index: Int, of batch: BatchPartition) -> Range<Int> {
    let count = perGroup(batch)
    return WorkPartition(batch[index / count], count: count)[index % count]
  }
}
