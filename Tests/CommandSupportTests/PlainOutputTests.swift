import CifarCore
import Testing

@testable import CommandSupport

@Suite struct PlainOutputTests {
  @Test(arguments: [
    ([], ""), ([1], "▁"), ([1, 2], "▁█"), ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
    ([5, 5, 5], "▁▁▁"), ([1, .nan, 2], "▁·█"), ([.nan, .infinity], "··"),
    ([-Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude], "▁█"),
    ([0, Double.leastNonzeroMagnitude], "▁▁"),
  ])
  func aSparklineShowsTheCurve(values: [Double], text: String) {
    #expect(Sparkline.text(values) == text)
  }

  @Test func aLongSparklineEndsWithTheLastValue() {
    let text = Sparkline.text((0..<1000).map { $0 == 999 ? 100 : 0 }, width: 10)
    #expect(text == "▁▁▁▁▁▁▁▁▁█")
  }

  @Test func fieldsAreQuotedWhereTheyMustBe() {
    let line = CSV.line(["plain", "a,b", "say \"no\"", "two\nlines", ""])
    #expect(line == "plain,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",\n")
  }

  @Test(arguments: [
    ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-a", "'-a"), ("@x", "'@x"), ("\t=1", "\"'\t=1\""),
    ("\n=1", "\"'\n=1\""), ("＝1", "'＝1"), ("=\"a\"", "\"'=\"\"a\"\"\""), ("-0.5", "-0.5"),
    ("+1e-3", "+1e-3"), ("-inf", "-inf"), ("a=b", "a=b"), ("a;=b", "\"a;=b\""),
    ("\r=1", "\\r=1"), ("\u{1b}x", "\\u{1B}x"), ("-", "'-"),
  ])
  func noTextIsAFormula(text: String, field: String) {
    #expect(CSV.line([text, "b"]) == field + ",b\n")
    #expect(CSV.line([JSONValue.string(text)]) == field + "\n")
  }

  @Test func numbersStayNumbersInCSV() {
    let line = CSV.line([.number(-0.5), .integer(-3), .number(-.infinity), .number(.nan), .null])
    #expect(line == "-0.5,-3,-Infinity,NaN,\n")
  }

  @Test func aNameThatIsThereTwiceCountsOnce() throws {
    let record: Record = [("id", .integer(1)), ("a", .null), ("id", .integer(2))]
    #expect(JSONValue.text(of: [record]).split(separator: "\"id\"").count == 2)
    #expect(
      try JSONValue(text: JSONValue.text(of: [record]))
        == .array([.object(["id": .integer(2), "a": .null])]))
  }

  @Test func jsonIsWrittenAsItReads() throws {
    let value = JSONValue.object([
      "b": .array([.integer(-1), .unsigned(.max), .number(0.1), .null, .bool(true)]),
      "a": .string("quote \" slash / back \\ line \n bell \u{7} ü 🐈"), "empty": .object([:]),
    ])
    for indented in [false, true] {
      #expect(try JSONValue(text: value.text(indented: indented)) == value)
    }
    #expect(JSONValue.object(["x": .array([])]).text(indented: false) == #"{"x":[]}"#)
    let numbers = JSONValue.array([.number(.nan), .number(.infinity), .number(-.infinity)])
    #expect(numbers.text(indented: false) == #"["NaN","Infinity","-Infinity"]"#)
    let records: [Record] = [
      [("b", .integer(1)), ("a", .null)], [("b", .integer(2)), ("a", .null)],
    ]
    #expect(
      try JSONValue(text: JSONValue.text(of: records))
        == .array([1, 2].map { .object(["a": .null, "b": .integer($0)]) }))
    #expect(JSONValue.text(of: []) == "[]")
  }

  @Test func completionsAndTheManualNameEveryCommand() throws {
    let tool = Tool(
      name: "tool", version: "1", summary: "does things",
      commands: [
        Command(
          "do", summary: "does it", positionals: [Positional("RUN", help: "a run", repeats: true)],
          options: [
            Option("--how", value: "HOW", help: "in which way", choices: ["well", "badly"])
          ]
        ) { _ in }
      ])
    for shell in ["bash", "zsh", "fish"] {
      let script = try tool.completion(for: [shell])
      #expect(script.contains("do") && script.contains("how") && script.contains("well badly"))
    }
    #expect(throws: UsageError.self) { try tool.completion(for: ["tcsh"]) }
    #expect(tool.manual().contains("RUN..."))
    let arguments = try Arguments(["a", "b", "--how", "well"], for: tool.commands[0])
    #expect(arguments.positionals == ["a", "b"])
  }
}
