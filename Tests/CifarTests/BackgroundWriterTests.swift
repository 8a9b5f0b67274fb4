import CifarCore
import Glibc
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

  /// A child of `fork` has no such thread: it is told so, and waits for nothing.
  @Test func aChildIsToldThatTheWriterIsItsParents() throws {
    var writer: BackgroundWriter? = BackgroundWriter()
    let child = fork()
    if child == 0 {
      alarm(10)
      var codes: [CifarError.Code?] = []
      do { try writer?.drain() } catch { codes.append((error as? CifarError)?.code) }
      do { try writer?.submit {} } catch { codes.append((error as? CifarError)?.code) }
      writer = nil
      _exit(codes == [.invalidState, .invalidState] ? 0 : 1)
    }
    try #require(child > 0)
    var status: Int32 = -1
    waitpid(child, &status, 0)
    #expect(status == 0)
  }
}
