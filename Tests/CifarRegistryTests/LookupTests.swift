import CifarCore
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct LookupTests {
  let sample: Sample
  init() throws {
    sample = try Sample()
    for (uuid, name) in [
      ("aaaa1111-0000-4000-8000-000000000000", "one"),
      ("aaaa2222-0000-4000-8000-000000000000", "two"),
      ("bbbb3333-0000-4000-8000-000000000000", "two"),
      ("cccc4444-0000-4000-8000-000000000000", "bbbb"),
      ("dddd5555-0000-4000-8000-000000000000", "%"),
    ] {
      let session = try sample.start(name)
      try session.finish(status: .completed, reason: "")
      try sample.registry.locked {
        _ = try $0.run("UPDATE runs SET uuid = ? WHERE uuid = ?", [.text(uuid), .text(session.id)])
      }
    }
  }

  func find(_ text: String) throws -> String { try sample.registry.run(matching: text).id }

  @Test(arguments: [
    ("aaaa1111-0000-4000-8000-000000000000", "aaaa1111"), ("aaaa1", "aaaa1111"),
    ("AAAA2", "aaaa2222"), ("one", "aaaa1111"), ("bbbb3", "bbbb3333"), ("%", "dddd5555"),
  ])
  func aRunIsFound(text: String, id: String) throws {
    #expect(try find(text).hasPrefix(id))
  }

  @Test(arguments: ["aaaa", "two", "bbbb"])
  func whatFitsSeveralNamesThem(text: String) {
    let error = failure { try find(text) }
    #expect(error?.code == .ambiguous)
    #expect(error?.message.contains("fits 2 runs") == true && error?.isOneLine == true)
  }

  @Test(arguments: [
    "", "a", "aaa", "aaaa3", "three", "____", "' OR 1=1", "aaaa1111-0000-4000-8000-0000000000001",
  ])
  func whatFitsNothingIsNotFound(text: String) {
    let error = failure { try find(text) }
    #expect(error?.code == .notFound)
  }

  @Test func theNewestComeFirst() throws {
    let names = try sample.registry.runs().map(\.name)
    #expect(names == ["%", "bbbb", "two", "two", "one"])
    #expect(try sample.registry.runs(limit: 2).map(\.name) == ["%", "bbbb"])
  }
}
