import Testing

@testable import CifarCore

@Suite struct OneLineTests {
  @Test func plainTextStaysAsItIs() {
    for text in ["", "a path '/tmp/é'", "𝄞 ελ"] { #expect(text.oneLine(atMost: 100) == text) }
  }

  @Test(arguments: [
    ("a\nb\r\tc", "a\\nb\\r\\tc"), ("\u{1b}[2J", "\\u{1B}[2J"), ("\u{7f}\u{9b}", "\\u{7F}\\u{9B}"),
    ("\u{202e}abc\u{2066}", "\\u{202E}abc\\u{2066}"), ("\u{2028}", "\\u{2028}"),
    ("\u{0}", "\\u{0}"),
    ("\r\n", "\\r\\n"),
  ])
  func whatATerminalWouldObeyIsSpelled(text: String, line: String) {
    #expect(text.oneLine(atMost: 100) == line)
  }

  @Test(arguments: ["x", "é", "𝄞", "\u{1b}", "\n", "e\u{301}"])
  func longTextLosesItsMiddle(piece: String) {
    let text = "begin" + String(repeating: piece, count: 5000) + "end"
    let line = text.oneLine(atMost: 101)
    #expect(line.utf8.count <= 101 && line.utf8.count > 85)
    #expect(line.hasPrefix("begin") && line.hasSuffix("end") && line.contains("…"))
  }

  @Test func whatJustFitsIsWhole() {
    let text = String(repeating: "y", count: 100)
    #expect(text.oneLine(atMost: 100) == text)
    #expect((text + "\n").oneLine(atMost: 102) == text + "\\n")
    #expect((text + "\n").oneLine(atMost: 101).contains("…"))
  }
}
