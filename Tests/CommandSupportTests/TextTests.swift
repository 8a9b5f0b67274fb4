import CifarCore
import Testing

@testable import CommandSupport

@Suite struct TextTests {
  @Test func durationsNameTheirTwoLargestUnits() {
    let expected: [(Double, String)] = [
      (0, "0 s"), (0.0042, "4.2 ms"), (0.25, "250 ms"), (0.9999, "1.0 s"), (12.34, "12.3 s"),
      (59.96, "1m 00s"), (221, "3m 41s"), (3599.6, "1h 00m"), (3725, "1h 02m"),
      (183_600, "2d 03h"), (-5, "-5.0 s"), (.nan, "nan"),
    ]
    for (seconds, text) in expected { #expect(Format.duration(seconds) == text) }
  }

  @Test func numbersOfAnySizeStayReadable() {
    #expect(Format.loss(.infinity) == "inf")
    #expect(Format.loss(1.23456) == "1.2346")
    #expect(Format.loss(1.8e12) == "1.8e+12")
    #expect(Format.short(0.001) == "0.001")
    #expect(Format.percent(0.7312) == "73.12 %")
    #expect(Format.count(4_482_921) == "4,482,921")
    #expect(Format.count(-12) == "-12")
    #expect(Format.bytes(1023) == "1023 B")
    #expect(Format.bytes(6_606_029) == "6.3 MiB")
  }

  @Test func widthCountsColumnsNotCharacters() {
    #expect(TextWidth.columns("abc") == 3)
    #expect(TextWidth.columns("e\u{301}t") == 2)
    #expect(TextWidth.columns("猫🐈") == 4)
    #expect(TextWidth.truncate("猫猫猫", to: 4) == "猫…")
    #expect(TextWidth.truncate("short", to: 5) == "short")
  }

  @Test(arguments: [
    ("❤️", 2), ("☀️", 2), ("☀", 1), ("1️⃣", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("🚀", 2),
    ("a\u{fe0f}", 1), ("❤️❤️ x", 6),
  ])
  func emojiTakeTwoColumns(text: String, columns: Int) {
    #expect(TextWidth.columns(text) == columns)
    #expect(TextWidth.columns(TextWidth.pad(text, to: 8)) == 8)
  }

  @Test func nothingButStylesSteersATerminal() {
    let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{7f}\r\n\u{7}b"
    let visible = "a\\u{1B}[2J\\u{9B}31m\\u{202E}\\u{2066}\\u{7F}\\r\\n\\u{7}b"
    #expect(TerminalText(hostile).content == visible)
    #expect(TerminalText(lines: "a\tb\n\u{1b}").content == "a\tb\n\\u{1B}")
    #expect(TerminalText(hostile, .red).content == "\u{1b}[31m" + visible + "\u{1b}[0m")
    let colourful = Terminal(isInteractive: true, width: 80, usesColor: true)
    #expect(colourful.styled(hostile, .plain).content == visible)
    var table = Table([.init(hostile)])
    table.add([.init(hostile, .bold)])
    #expect(
      table.text(for: colourful).content
        == "\u{1b}[2m\(visible)\u{1b}[0m\n\u{1b}[1m\(visible)\u{1b}[0m\n")
    #expect(
      !JSONValue.string(hostile).text(indented: false).unicodeScalars.contains { scalar in
        scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || scalar == "\u{202e}"
      })
  }

  /// For Swift a quote and a combining mark are one character, for a reader of CSV they are two.
  @Test func quotesAreQuotesBeforeACombiningMark() {
    #expect(CSV.line(["a\"\u{301}", "b"]).utf8.elementsEqual("\"a\"\"\u{301}\",b\n".utf8))
  }

  @Test func helpFitsItsWidth() {
    let option = Option(
      "--reduce-on-plateau", short: "-r", value: "KEY=X,…",
      help: "factor, patience, cooldown, monitor, mode,\nthreshold, epsilon of another one; or off")
    let tool = Tool(name: "tool", version: "1", summary: "a tool", commands: [])
    let command = Command(
      "do", summary: "does what is to be done, and a little more than that, at any time",
      options: [option],
      discussion: """
        A paragraph that its author broke at a hundred columns,
        as it happens.

          field  what it is in rather many words for such a small field
        And the rest.
        """
    ) { _ in }
    for width in [34, 50, 80, 100] {
      let lines = tool.help(for: command, width: width).split(
        separator: "\n", omittingEmptySubsequences: false)
      #expect(!lines.contains { TextWidth.columns(String($0)) > width || $0.hasSuffix(" ") })
    }
    let text = tool.help(for: command, width: 50)
    #expect(
      text.contains("A paragraph that its author broke at a hundred\ncolumns, as it happens.\n"))
    #expect(
      text.contains("  field  what it is in rather many words for such\n         a small field\n"))
    #expect(text.contains("  -r, --reduce-on-plateau KEY=X,…\n"))
  }

  @Test func aTableFitsItsTerminal() {
    var table = Table([
      .init("id"), .init("name", narrowest: 4), .init("note", rank: 2), .init("n", right: true),
    ])
    table.add(["a1", "a long name", "remark", "5"])
    table.add(["b2", "", "", "12"])
    func text(_ width: Int?) -> String {
      table.text(for: Terminal(isInteractive: true, width: width, usesColor: false)).content
    }
    #expect(
      text(nil)
        == "id  name         note     n\na1  a long name  remark   5\nb2                       12\n"
    )
    #expect(
      text(25)
        == "id  name       note     n\na1  a long n…  remark   5\nb2                     12\n")
    #expect(text(14) == "id  name     n\na1  a lon…   5\nb2          12\n")
  }

  @Test func coloursNeverReachAPlainStream() {
    let plain = Terminal(isInteractive: false, width: nil, usesColor: false)
    #expect(plain.styled("x", .red) == "x")
    let colourful = Terminal(isInteractive: true, width: 80, usesColor: true)
    #expect(colourful.styled("x", .red).content == "\u{1b}[31mx\u{1b}[0m")
  }

  @Test func jsonHoldsNumbersThatAreNone() throws {
    let text = try JSONOutput.text(["a": Double.nan, "b": -.infinity, "c": 0.1])
    #expect(text == "{\n  \"a\" : \"NaN\",\n  \"b\" : \"-Infinity\",\n  \"c\" : 0.1\n}")
  }

  @Test func storedJSONComesOutAsItWentIn() throws {
    let text = #"{"a":[1,2.5,true,null,"x"],"seed":18446744073709551615,"z":{"lr":1e-08}}"#
    let value = try JSONValue(text: text)
    #expect(try JSONValue(text: try JSONOutput.text(value)) == value)
    guard case .object(let members) = value else {
      Issue.record("no object")
      return
    }
    #expect(members["seed"] == .unsigned(.max))
    #expect(members["a"] == .array([.integer(1), .number(2.5), .bool(true), .null, .string("x")]))
    #expect(throws: (any Error).self) { try JSONValue(text: "{") }
  }
}
