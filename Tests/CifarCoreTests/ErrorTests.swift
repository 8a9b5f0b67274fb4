import CifarCore
import Testing

@testable import CifarCore

@Suite struct ErrorTests {
  /// Programs are compiled against these numbers: they never change.
  @Test func codesStayWhatTheyAre() {
    let numbers: [CifarError.Code: Int32] = [
      .invalidArgument: 10, .shapeMismatch: 20, .notFound: 30, .ambiguous: 31, .io: 40,
      .diskFull: 41, .badData: 50, .checksumMismatch: 51, .database: 60, .foreignDatabase: 61,
      .newerDatabase: 62, .busy: 63, .invalidState: 70, .interrupted: 80, .callback: 81, .peer: 82,
      .notFinite: 90, .unsupported: 100, .outOfMemory: 110, .internal: 120,
    ]
    for (code, number) in numbers { #expect(code.rawValue == number) }
    #expect(CifarError.Code.allCases.count == numbers.count)
    // 0 is success.
    #expect(CifarError.Code(rawValue: 0) == nil)
  }

  @Test func theMessageIsWhatPeopleSee() {
    let error = CifarError(.notFound, "no run begins with '3f'")
    #expect("\(error)" == "no run begins with '3f'")
    #expect(error == CifarError(.notFound, "no run begins with '3f'"))
    #expect(error != CifarError(.ambiguous, "no run begins with '3f'"))
  }
}
