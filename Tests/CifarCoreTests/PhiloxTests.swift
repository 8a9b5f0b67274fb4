import Testing

@testable import CifarCore

@Suite struct PhiloxTests {
  /// The lines "philox4x32 10" of Random123's tests/kat_vectors.
  static let known: [(counter: Philox.Block, key: Philox.Key, words: Philox.Block)] = [
    (
      [0, 0, 0, 0], [0, 0],
      [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
    ),
    (
      .init(repeating: .max), .init(repeating: .max),
      [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    ),
    (
      [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ]

  @Test(arguments: known.indices)
  func knownAnswers(index: Int) {
    let (counter, key, words) = Self.known[index]
    #expect(Philox.block(counter: counter, key: key) == words)
  }

  @Test func aSequenceReadsBlockAfterBlock() {
    var random = RandomSequence(
      seed: 0x1122_3344_5566_7788, purpose: .augmentation, major: 9, minor: 8)
    for block in 0..<3 as Range<UInt32> {
      let words = Philox.block(
        counter: [block, 8, 9, RandomPurpose.augmentation.rawValue],
        key: [0x5566_7788, 0x1122_3344])
      for i in 0..<4 { #expect(random.nextWord() == words[i]) }
    }
    var words = RandomSequence(seed: 5, purpose: .shuffle)
    var pairs = words
    let low = UInt64(words.nextWord())
    #expect(pairs.next() == UInt64(words.nextWord()) << 32 | low)
  }

  /// Seed, purpose, outer and inner place: each gives other numbers.
  @Test func everyPlaceHasItsOwnNumbers() {
    let sequences = [
      RandomSequence(seed: 1, purpose: .dropout, major: 2, minor: 3),
      RandomSequence(seed: 1 << 32 | 1, purpose: .dropout, major: 2, minor: 3),
      RandomSequence(seed: 2, purpose: .dropout, major: 2, minor: 3),
      RandomSequence(seed: 1, purpose: .shuffle, major: 2, minor: 3),
      RandomSequence(seed: 1, purpose: .dropout, major: 3, minor: 3),
      RandomSequence(seed: 1, purpose: .dropout, major: 2, minor: 2),
      RandomSequence(seed: 1, purpose: .dropout, major: 3, minor: 2),
    ]
    let first = sequences.map { sequence in
      var sequence = sequence
      return sequence.next()
    }
    #expect(Set(first).count == sequences.count)
    var again = RandomSequence(seed: 1, purpose: .dropout, major: 2, minor: 3)
    #expect(again.next() == first[0])
  }

  @Test func uniformNumbersAreUniform() {
    var random = RandomSequence(seed: 3, purpose: .initialization)
    var tenths = [Int](repeating: 0, count: 10)
    for _ in 0..<20_000 {
      let value = random.uniform()
      #expect(value >= 0 && value < 1)
      tenths[Int(value * 10)] += 1
    }
    // Five standard deviations of √(n·p·(1 − p)) = 42.4.
    for count in tenths { #expect(abs(count - 2_000) < 212) }
    for _ in 0..<1_000 {
      let value = random.uniform(-3, 5)
      #expect(value >= -3 && value <= 5)
    }
  }

  @Test(arguments: [1, 2, 3, 10, 1_000, Int(UInt32.max)])
  func integersStayBelowTheirBound(bound: Int) {
    var random = RandomSequence(seed: 4, purpose: .shuffle)
    var seen: Set<Int> = []
    for _ in 0..<200 {
      let value = random.below(bound)
      #expect((0..<bound).contains(value))
      seen.insert(value)
    }
    if bound <= 10 { #expect(seen.count == bound) }
  }

  @Test func integersAreEquallyLikely() {
    var random = RandomSequence(seed: 6, purpose: .shuffle)
    var counts = [Int](repeating: 0, count: 6)
    for _ in 0..<12_000 { counts[random.below(6)] += 1 }
    for count in counts { #expect(abs(count - 2_000) < 205) }
    // With a bound of 3·2³⁰ a remainder alone would take the lower third twice as often.
    var low = 0
    for _ in 0..<3_000 where random.below(3 << 30) < 1 << 30 { low += 1 }
    #expect(abs(low - 1_000) < 130)
  }
}
