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
    #expect(TextWidth.printable("a\u{1b}[31mb") == "a\u{fffd}[31mb")
  }

  @Test func aTableFitsItsTerminal() {
    var table = Table([
      .init("id"), .init("name", narrowest: 4), .init("note", rank: 2), .init("n", right: true),
    ])
    table.add(["a1", "a long name", "remark", "5"])
    table.add(["b2", "", "", "12"])
    func text(_ width: Int?) -> String {
      table.text(for: Terminal(isInteractive: true, width: width, usesColor: false))
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
    #expect(colourful.styled("x", .red) == "\u{1b}[31mx\u{1b}[0m")
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
