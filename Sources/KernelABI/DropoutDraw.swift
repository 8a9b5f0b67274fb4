/// Where the random words of a dropout mask come from: Philox4x32-10 under `key`.
///
/// Element i of a run of elements takes word (i mod 4·lanes) / lanes of the block whose counter is
/// (firstBlock + i / (4·lanes) · lanes + i mod lanes, place…). It stays where the word is at least
/// `threshold`, that is with probability 1 − threshold/2³².
public struct DropoutDraw: Sendable {
  public var key: SIMD2<UInt32>
  /// Counter words 1, 2 and 3: the layer and the step.
  public var place: SIMD4<UInt32>
  /// Counter word 0 of the first block.
  public var firstBlock: UInt32
  public var threshold: UInt32

  public init(key: SIMD2<UInt32>, place: SIMD4<UInt32>, firstBlock: UInt32, threshold: UInt32) {
    self.key = key
    self.place = place
    self.firstBlock = firstBlock
    self.threshold = threshold
  }
}
