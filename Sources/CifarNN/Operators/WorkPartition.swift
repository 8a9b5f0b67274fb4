import Kernels

/// A range cut into consecutive chunks of whole units, as equal as that allows. The last unit may
/// not be full.
struct WorkPartition {
  private let whole: Range<Int>
  private let unit: Int
  private let units: Int
  let count: Int

  init(_ whole: Range<Int>, count: Int, unit: Int = 1) {
    self.whole = whole
    self.unit = unit
    self.count = count
    units = blocks(whole.count, of: unit)
  }

  /// WorkPartition of at most `most` units each; their number is a multiple of `multiple`, so that as many
  /// threads share them equally.
  init(_ whole: Range<Int>, most: Int, unit: Int = 1, multiple: Int = 1) {
    let units = blocks(whole.count, of: unit)
    self.init(whole, count: blocks(units, of: most * multiple) * multiple, unit: unit)
  }

  /// Empty if there is no such chunk.
  subscript(index: Int) -> Range<Int> {
    func start(_ index: Int) -> Int {
      whole.lowerBound + min(whole.count, units * min(index, count) / max(1, count) * unit)
    }
    return start(index)..<start(index + 1)
  }
}
