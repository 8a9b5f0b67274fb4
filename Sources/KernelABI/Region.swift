/// Memory that will be read or written soon: runs of numbers, equally far apart.
public struct Region: @unchecked Sendable {
  /// Where the first run begins.
  public let base: UnsafeRawPointer
  /// Cache lines of a run.
  public let runLines: Int
  /// Bytes from one run to the next.
  public let runStride: Int
  /// Those of all lines that are meant, run after run.
  public let lines: Range<Int>

  public static let lineBytes = 64

  /// - Parameters:
  ///   - count: numbers of a run.
  ///   - stride: numbers from one run to the next.
  public init(_ values: Values, count: Int, stride: Int, runs: Int) {
    let lines = blocks(count * values.storage.bytes, of: Region.lineBytes)
    self.init(
      base: values.base, runLines: lines, runStride: stride * values.storage.bytes,
      lines: 0..<(lines * runs))
  }

  private init(base: UnsafeRawPointer, runLines: Int, runStride: Int, lines: Range<Int>) {
    self.base = base
    self.runLines = runLines
    self.runStride = runStride
    self.lines = lines
  }

  /// One of `count` parts of about the same size.
  public func part(_ index: Int, of count: Int) -> Region {
    func line(_ index: Int) -> Int { lines.lowerBound + lines.count * index / count }
    return Region(
      base: base, runLines: runLines, runStride: runStride, lines: line(index)..<line(index + 1))
  }
}

/// What will be touched after a product of matrices. The products bring it into the second-level
/// cache on their way: they are bound by arithmetic and what follows by memory, so that the one
/// hides the other.
public struct PrefetchRanges: Sendable {
  // Few, and so without an array that a step would have to allocate.
  public var first: Region?
  public var second: Region?
  public var third: Region?
  public var fourth: Region?
  public var fifth: Region?

  public init(_ first: Region? = nil, _ second: Region? = nil, _ third: Region? = nil) {
    (self.first, self.second, self.third) = (first, second, third)
  }

  /// One of `count` parts of every region.
  public func part(_ index: Int, of count: Int) -> PrefetchRanges {
    var result = PrefetchRanges(
      first?.part(index, of: count), second?.part(index, of: count),
      third?.part(index, of: count))
    result.fourth = fourth?.part(index, of: count)
    result.fifth = fifth?.part(index, of: count)
    return result
  }
}
