import KernelABI

/// Asks for the cache lines of what a caller will need soon, bit by bit.
struct Prefetch {
  private var first: RegionPrefetch
  private var second: RegionPrefetch
  private var third: RegionPrefetch
  private var fourth: RegionPrefetch
  private var fifth: RegionPrefetch

  /// - Parameter parts: how often `advance` will be called.
  @inline(__always)
  init(_ prefetch: PrefetchRanges, parts: Int) {
    first = RegionPrefetch(prefetch.first, parts: parts)
    second = RegionPrefetch(prefetch.second, parts: parts)
    third = RegionPrefetch(prefetch.third, parts: parts)
    fourth = RegionPrefetch(prefetch.fourth, parts: parts)
    fifth = RegionPrefetch(prefetch.fifth, parts: parts)
  }

  @inline(__always)
  mutating func advance() {
    first.advance()
    second.advance()
    third.advance()
    fourth.advance()
    fifth.advance()
  }
}

private struct RegionPrefetch {
  private let lines: Int
  private let parts: Int
  private let runLines: Int
  private let runStride: Int
  private var run: UnsafeRawPointer
  private var line: Int
  /// Lines that are due, in parts of a line.
  private var due = 0

  @inline(__always)
  init(_ region: Region?, parts: Int) {
    self.parts = parts
    guard let region, !region.lines.isEmpty else {
      (lines, runLines, runStride, line) = (0, 0, 0, 0)
      run = UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
      return
    }
    lines = region.lines.count
    runLines = region.runLines
    runStride = region.runStride
    let (runs, rest) = region.lines.lowerBound.quotientAndRemainder(dividingBy: runLines)
    run = region.base + runs * runStride
    line = rest
  }

  @inline(__always)
  mutating func advance() {
    due += lines
    while due >= parts {
      due -= parts
      prefetchFar(run + line * Region.lineBytes)
      line += 1
      if line == runLines {
        line = 0
        run += runStride
      }
    }
  }
}
