import CifarCore
import FoundationEssentials
import Testing

/// Options of every kind that a description can have.
private struct Sample: OptionsKind {
  enum Colour: String, Codable, CaseIterable, Sendable {
    case red, green
  }

  var rate = 0.5
  var weight = 1.0
  var limit: Double?
  var count = 3
  var isOn = false
  var colour = Colour.red
  var pair = [0.0, 1.0]

  static let type = "sample"
  static let meaning = ""
  static let options: [OptionDescription<Self>] = [
    .number("rate", \.rate, .from(0, below: 1), isRequired: true, ""),
    .number("weight", \.weight, .finite, older: ["mass"], ""),
    .number("limit", \.limit, .above(0), ""),
    .whole("count", \.count, 1...9, ""), .flag("is_on", \.isOn, ""),
    .word("colour", \.colour, ""),
    .pair("pair", \.pair, .from(0, to: 2), "").only { $0.isOn },
  ]

  var conflict: String? { isOn && count == 9 ? "count 9 is too many where is_on" : nil }
}

@Suite struct OptionTests {
  private func read(_ text: String) throws -> Sample {
    try JSONDecoder().decode(Sample.self, from: Data(text.utf8))
  }

  @Test func whatIsLeftOutIsAsInTheInitializer() throws {
    var expected = Sample()
    expected.rate = 0.25
    #expect(try read(#"{"rate": 0.25}"#) == expected)
    #expect(throws: DecodingError.self) { try read("{}") }
  }

  @Test func everyOptionComesBack() throws {
    var sample = Sample()
    (sample.rate, sample.limit, sample.count, sample.isOn) = (0.1, 2, 5, true)
    (sample.colour, sample.pair) = (.green, [0.5, 1.5])
    let text = try JSONEncoder().encode(sample)
    #expect(try JSONDecoder().decode(Sample.self, from: text) == sample)
    sample.isOn = false
    let other = String(decoding: try JSONEncoder().encode(sample), as: UTF8.self)
    #expect(!other.contains("pair") && other.contains(#""colour":"green""#))
    #expect(try read(#"{"rate": 0, "mass": 4}"#).weight == 4)
    #expect(try read(#"{"rate": 0, "mass": 4, "weight": 5}"#).weight == 5)
  }

  @Test(arguments: [
    (#"{"rate": 1}"#, "sample: rate 1.0 is not from 0 to below 1"),
    (#"{"rate": 0, "limit": 0}"#, "sample: limit 0.0 is not above 0"),
    (
      #"{"rate": 0.99999999}"#,
      "sample: rate 0.99999999 is 1 in float32, which training computes in, and so not from 0 to "
        + "below 1: 0.99999994 is the nearest to it that is"
    ),
    (
      #"{"rate": 1e-50}"#,
      "sample: rate 1e-50 is 0 in float32, which training computes in: no number there is smaller "
        + "than 1e-45"
    ),
    (
      #"{"rate": 0, "limit": 1e39}"#,
      "sample: limit 1e+39 is infinite in float32, which training computes in: no number there is "
        + "larger than 3.4028235e+38"
    ),
    (#"{"rate": 0, "count": 10}"#, "sample: count 10 is not from 1 to 9"),
    (
      #"{"rate": 0, "is_on": true, "pair": [1, 0]}"#,
      "sample: pair [1.0, 0.0] is not two rising numbers from 0 to 2"
    ),
    (#"{"rate": 0, "is_on": true, "count": 9}"#, "sample: count 9 is too many where is_on"),
  ])
  func whatIsIllegalIsNamed(text: String, message: String) throws {
    let sample = try read(text)
    let error = #expect(throws: CifarError.self) { try sample.validate(as: "sample") }
    #expect(error?.code == .invalidArgument && error?.message == message)
  }

  @Test func rangesInWords() {
    let ranges: [(NumberRange, String, inside: [Double], outside: [Double])] = [
      (.from(0, to: 1), "from 0 to 1", [0, 1], [-0.1, 1.1, .nan]),
      (.from(0, below: 1), "from 0 to below 1", [0, 0.9], [1, .infinity]),
      (.above(0, to: 0.5), "above 0, up to 0.5", [0.5], [0, 0.6]),
      (.above(0, below: 1), "above 0 and below 1", [0.5], [0, 1]),
      (.above(0), "above 0", [1e300], [0, .infinity]), (.atLeast(0), "0 or above", [0], [-1]),
      (.finite, "a finite number", [-1e300], [.infinity, .nan]),
    ]
    for (range, words, inside, outside) in ranges {
      #expect(range.description == words)
      #expect(inside.allSatisfy(range.contains) && !outside.contains(where: range.contains))
    }
  }

  @Test(arguments: [
    ("learning_rat", "learning_rate"), ("lr", "learning_rate"), ("--wd", "--weight-decay"),
    ("w", nil), ("nothing_like_it", nil),
  ])
  func whatWasMeant(word: String, name: String?) {
    let names = ["learning_rate", "--weight-decay", "momentum"]
    #expect(Suggestion.closest(to: word, among: names) == name)
  }
}
