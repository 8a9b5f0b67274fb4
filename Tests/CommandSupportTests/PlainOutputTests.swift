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
