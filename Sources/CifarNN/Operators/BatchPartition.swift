/// The images of a batch, in the groups that everything is summed by which is summed over images.
///
/// The images of a group are added in their order, and the sums of the groups along one binary tree,
/// ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). So processes that share a batch, each with a subtree, get
/// the bits that one process gets: `groups` for 1, 2, 4 or 8 of them. How a batch is cut depends on
/// its number of images alone; a group may have none.
struct BatchPartition: Equatable, Sendable {
  /// Groups of a batch.
  static let groups = 8

  /// Images of the batch.
  let total: Int
  /// Those of all processes.
  private let allGroups: Int
  /// The ones that this process has.
  private let own: Range<Int>

  /// - Parameters:
  ///   - rank: which process this is, of `ranks`. Where 8 is no multiple of those, there are as many
  ///     groups as makes it one, and other bits.
  init(_ total: Int, rank: Int = 0, ranks: Int = 1) {
    self.total = total
    var each = 1
    while each * ranks < BatchPartition.groups { each *= 2 }
    allGroups = each * ranks
    own = (rank * each)..<((rank + 1) * each)
  }

  /// Groups of this process, a power of two, at most 8.
  var groupCount: Int { own.count }
  /// The image of the batch that is this process's first.
  var first: Int { start(own.lowerBound) }
  /// Images of this process.
  var count: Int { start(own.upperBound) - first }

  /// Images that every group of the batch has at least.
  var smallestGroup: Int { total / allGroups }

  private func start(_ group: Int) -> Int { total * group / allGroups }

  /// Images of one of this process's groups, counted from `first`.
  subscript(group: Int) -> Range<Int> {
    let group = own.lowerBound + group
    return (start(group) - first)..<(start(group + 1) - first)
  }

  /// The sum over this process's groups, added along the tree.
  func sum<Sum>(_ ofGroup: (Int) -> Sum, _ add: (Sum, Sum) -> Sum) -> Sum {
    pairwiseSum(0..<groupCount, ofGroup, add)
  }
}

/// The sum of what `term` returns, added along a binary tree: neighbours first, then their sums. What has
/// no neighbour waits for the next level.
func pairwiseSum<Sum>(
  _ range: Range<Int>, _ term: (Int) -> Sum, _ add: (Sum, Sum) -> Sum
) -> Sum {
  guard range.count > 1 else { return term(range.lowerBound) }
  // The largest power of two that is smaller.
  let half = 1 << (Int.bitWidth - 1 - (range.count - 1).leadingZeroBitCount)
  let middle = range.lowerBound + half
  return add(
    pairwiseSum(range.lowerBound..<middle, term, add),
    pairwiseSum(middle..<range.upperBound, term, add))
}
