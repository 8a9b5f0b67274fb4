import KernelABI

extension KernelSet {
  public func dropout(
    _ values: Output, count: Int, mask: UnsafeMutablePointer<UInt8>, draw: DropoutDraw,
    scale: Float
  ) {
    var i = 0
    var block = draw.firstBlock
    while i < count {
      // One round gives a vector of blocks of four words: 4·lanes elements.
      let words = philox(first: block, draw)
      store(words.0, draw.threshold, mask, i, count)
      store(words.1, draw.threshold, mask, i + lanes, count)
      store(words.2, draw.threshold, mask, i + 2 * lanes, count)
      store(words.3, draw.threshold, mask, i + 3 * lanes, count)
      i += 4 * lanes
      block &+= UInt32(lanes)
    }
    applyMask(values, count: count, mask: mask, scale: scale)
  }

  public func applyMask(
    _ values: Output, count: Int, mask: UnsafePointer<UInt8>, scale: Float
  ) {
    var i = 0
    while i + lanes <= count {
      let factor = select(loadBytes(mask + i) .!= all(0), Vector(repeating: scale), .zero)
      storeUnaligned(loadUnaligned(values + i) * factor, values + i)
      i += lanes
    }
    while i < count {
      values[i] *= mask[i] != 0 ? scale : 0
      i += 1
    }
  }

  /// Writes the bytes of one vector of words, as far as there are elements.
  @inline(__always)
  private func store(
    _ words: IntegerVector, _ threshold: UInt32, _ mask: UnsafeMutablePointer<UInt8>, _ i: Int,
    _ count: Int
  ) {
    let kept = select(words .>= all(threshold), all(1), all(0))
    if i + lanes <= count {
      storeBytes(kept, mask + i)
    } else {
      for lane in 0..<max(0, count - i) { mask[i + lane] = UInt8(truncatingIfNeeded: kept[lane]) }
    }
  }

  /// Philox4x32-10 of a vector of consecutive counters; the formula stands in `Philox`.
  @inline(__always)
  private func philox(
    first: UInt32, _ draw: DropoutDraw
  ) -> (IntegerVector, IntegerVector, IntegerVector, IntegerVector) {
    var c0 = IntegerVector(repeating: first) &+ laneNumbers
    var c1 = IntegerVector(repeating: draw.place[0])
    var c2 = IntegerVector(repeating: draw.place[1])
    var c3 = IntegerVector(repeating: draw.place[2])
    var k0 = draw.key[0]
    var k1 = draw.key[1]
    for _ in 0..<10 {
      let (high0, low0) = product(c0, 0xD251_1F53)
      let (high1, low1) = product(c2, 0xCD9E_8D57)
      (c0, c1, c2, c3) = (
        high1 ^ c1 ^ IntegerVector(repeating: k0), low1,
        high0 ^ c3 ^ IntegerVector(repeating: k1), low0
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  /// The 64-bit products of each lane with `b`, as upper and lower words: of the even lanes and of
  /// the odd ones, since hardware multiplies every second word.
  @inline(__always)
  private func product(
    _ a: IntegerVector, _ b: UInt32
  ) -> (high: IntegerVector, low: IntegerVector) {
    let factor = WideVector(repeating: UInt64(b))
    let lowWords = WideVector(repeating: 0xFFFF_FFFF)
    let wide = unsafeBitCast(a, to: WideVector.self)
    let even = (wide & lowWords) &* factor
    let odd = (wide &>> WideVector(repeating: 32)) &* factor
    let high = (even &>> WideVector(repeating: 32)) | (odd & ~lowWords)
    let low = (even & lowWords) | (odd &<< WideVector(repeating: 32))
    return (
      unsafeBitCast(high, to: IntegerVector.self), unsafeBitCast(low, to: IntegerVector.self)
    )
  }
}
