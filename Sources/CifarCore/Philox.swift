/// Philox4x32-10, a counter-based random number generator.
///
/// There is no state to keep: block `n` of a key is a pure function of both, so a random number
/// depends on what it is for, never on what was drawn before or on which thread draws it.
///
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
public enum Philox {
  public typealias Block = SIMD4<UInt32>
  public typealias Key = SIMD2<UInt32>

  static let multiplier0: UInt32 = 0xD251_1F53
  static let multiplier1: UInt32 = 0xCD9E_8D57
  static let weyl: Key = [0x9E37_79B9, 0xBB67_AE85]

  /// The four 32-bit words that belong to `counter` under `key`.
  public static func block(counter: Block, key: Key) -> Block {
    var counter = counter
    var key = key
    for _ in 0..<10 {
      let product0 = multiplier0.multipliedFullWidth(by: counter[0])
      let product1 = multiplier1.multipliedFullWidth(by: counter[2])
      counter = [
        product1.high ^ counter[1] ^ key[0], product1.low,
        product0.high ^ counter[3] ^ key[1], product0.low,
      ]
      key &+= weyl
    }
    return counter
  }
}

/// What a sequence of random numbers is for. Each purpose has its own numbers under one seed.
public enum RandomPurpose: UInt32, Sendable {
  case initialization = 1
  case shuffle = 2
  case augmentation = 3
  case dropout = 4
  case syntheticImages = 5
  case alternation = 6
  case validationSplit = 7
  case mixing = 8
}

/// The random numbers of one purpose and one place in it: a sample of an epoch, a layer of a model.
///
/// Two sequences with the same arguments give the same numbers, on every machine.
public struct RandomSequence: RandomNumberGenerator, Sendable {
  private let key: Philox.Key
  private var counter: Philox.Block
  private var block: Philox.Block = .zero
  private var used = 4

  /// - Parameters:
  ///   - seed: the run's seed; all 64 bits count.
  ///   - purpose: what the numbers are for.
  ///   - major: the outer place: an epoch, or 0.
  ///   - minor: the inner place: a sample, a layer.
  public init(seed: UInt64, purpose: RandomPurpose, major: UInt32 = 0, minor: UInt32 = 0) {
    key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
    counter = [0, minor, major, purpose.rawValue]
  }

  public mutating func nextWord() -> UInt32 {
    if used == 4 {
      block = Philox.block(counter: counter, key: key)
      counter[0] &+= 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  public mutating func next() -> UInt64 {
    let low = nextWord()
    return UInt64(nextWord()) << 32 | UInt64(low)
  }

  /// A number in [0, 1), a multiple of 2⁻²⁴.
  public mutating func uniform() -> Float {
    Float(nextWord() >> 8) * 0x1p-24
  }

  /// A number in [low, high].
  public mutating func uniform(_ low: Float, _ high: Float) -> Float {
    low + (high - low) * uniform()
  }

  /// An integer in 0 ..< bound, every one equally likely.
  ///
  /// Source: Lemire, "Fast Random Integer Generation in an Interval", 2019.
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0 && bound <= Int(UInt32.max))
    let bound = UInt32(bound)
    var product = bound.multipliedFullWidth(by: nextWord())
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = bound.multipliedFullWidth(by: nextWord()) }
    }
    return Int(product.high)
  }
}
