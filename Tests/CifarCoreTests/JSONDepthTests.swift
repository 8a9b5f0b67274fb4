import Testing

@testable import CifarCore

@Suite struct JSONDepthTests {
  private func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }

  @Test func theDeepestIsTaken() {
    #expect(JSONDepth.isAcceptable(nested(JSONDepth.most).utf8))
    #expect(!JSONDepth.isAcceptable(nested(JSONDepth.most + 1).utf8))
    #expect(!JSONDepth.isAcceptable(nested(1_000_000).utf8))
  }

  @Test func bracketsInStringsDoNotCount() {
    let brackets = String(repeating: "[{", count: 100)
    #expect(JSONDepth.isAcceptable("[\"\(brackets)\"]".utf8))
    #expect(JSONDepth.isAcceptable("[\"\\\"\(brackets)\"]".utf8))
    #expect(!JSONDepth.isAcceptable("[\"\\\\\"\(brackets)]".utf8))
  }
}
