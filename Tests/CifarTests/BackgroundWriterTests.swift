import CifarCore
import Testing

@testable import Cifar

@Suite struct BackgroundWriterTests {
  private final class Journal: @unchecked Sendable {
    var lines: [Int] = []
  }

  @Test func jobsAreDoneInOrder() throws {
    let writer = BackgroundWriter()
    let journal = Journal()
    for number in 1...50 { try writer.submit { journal.lines.append(number) } }
    try writer.drain()
    #expect(journal.lines == Array(1...50))
  }

  @Test func aFailureComesOutOnceAndStopsTheNextJob() throws {
    let writer = BackgroundWriter()
    let journal = Journal()
    let error = CifarError(.diskFull, "full")
    try writer.submit { throw error }
    #expect(throws: error) { try writer.submit { journal.lines.append(1) } }
    try writer.check()
    try writer.submit { journal.lines.append(2) }
    try writer.drain()
    #expect(journal.lines == [2])
  }

  @Test func whatIsUnderWayEndsBeforeTheWriterGoes() throws {
    let journal = Journal()
    var writer: BackgroundWriter? = BackgroundWriter()
    try writer?.submit { journal.lines.append(1) }
    writer = nil
    #expect(journal.lines == [1])
  }
}
