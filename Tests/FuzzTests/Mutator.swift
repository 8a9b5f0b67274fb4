/// Makes inputs of inputs: bytes set, flipped, removed, repeated, and pieces of others put in.
struct Mutator {
  private var state: UInt64
  private let inputs: [[UInt8]]

  /// - Parameter inputs: at least one.
  init(seed: UInt64, inputs: [[UInt8]]) {
    state = seed
    self.inputs = inputs
  }

  /// SplitMix64.
  private mutating func random(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((bits ^ bits >> 31) % UInt64(max(1, bound)))
  }

  mutating func next() -> [UInt8] {
    var bytes = inputs[random(inputs.count)]
    for _ in 0...random(4) {
      let place = random(bytes.count)
      switch random(6) {
      case 0 where !bytes.isEmpty: bytes[place] = UInt8(random(256))
      case 1 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(random(8))
      case 2 where !bytes.isEmpty:
        bytes.removeSubrange(place..<min(bytes.count, place + 1 + random(16)))
      case 3 where !bytes.isEmpty:
        let piece = bytes[place..<min(bytes.count, place + 1 + random(16))]
        bytes.insert(contentsOf: Array(piece), at: place)
      case 4:
        let other = inputs[random(inputs.count)]
        let start = random(other.count)
        bytes.insert(
          contentsOf: other[start..<min(other.count, start + random(32))], at: place)
      default: bytes.insert(UInt8(random(256)), at: place)
      }
    }
    return bytes
  }
}
