import Testing

@testable import CifarCore

@Suite struct JSONStructureTests {
  private func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }

  private func isAcceptable(_ text: String) -> Bool { JSONStructure.fault(in: text.utf8) == nil }

  @Test func theDeepestIsTaken() {
    #expect(isAcceptable(nested(JSONStructure.mostDepth)))
    #expect(!isAcceptable(nested(JSONStructure.mostDepth + 1)))
    #expect(!isAcceptable(nested(1_000_000)))
  }

  @Test func bracketsInStringsDoNotCount() {
    let brackets = String(repeating: "[{", count: 100)
    #expect(isAcceptable("[\"\(brackets)\"]"))
    #expect(isAcceptable("[\"\\\"\(brackets)\"]"))
    #expect(!isAcceptable("[\"\\\\\"\(brackets)]"))
  }

  @Test(arguments: [
    #"{"a":1,"b":2,"a":3}"#, #"{"a":{},"a":1}"#, #"[{"b":{"a":1 , "a" :2}}]"#,
    #"{"a":[1,2,{"x":"a"}],"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"\ud83d\ude00":1,"😀":2}"#,
    #"{"\n":1,"\u000a":2}"#, #"{"\"":1,"\u0022":2}"#,
  ])
  func aKeyThatIsThereTwiceIsNamed(text: String) {
    #expect(JSONStructure.fault(in: text.utf8)?.contains("twice in one object") == true)
  }

  @Test(arguments: [
    #"{"a":"a","b":"a"}"#, #"["a","a"]"#, #"[{"a":1},{"a":1}]"#, #"{"a":{"a":{"a":1}}}"#,
    #"{"a":["b","b"],"b":"\"a\","}"#, #""a""#, "", "{", "}", "]]", #"{"a"#, #"{"a\"#, ",",
    #"{,"a":1}"#,
  ])
  func othersAreTaken(text: String) { #expect(isAcceptable(text)) }
}
