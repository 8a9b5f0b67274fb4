import CifarCore
import Glibc
import Testing

@Suite struct InterruptionTests {
  @Test func aCallThatASignalInterruptsIsMadeAgain() {
    var calls = 0
    let result = uninterrupted {
      calls += 1
      errno = EINTR
      return calls < 3 ? -1 : 7
    }
    #expect(result == 7 && calls == 3)
  }

  @Test func anyOtherFailureIsTheAnswer() {
    var calls = 0
    let result = uninterrupted {
      calls += 1
      errno = EIO
      return -1
    }
    let code = errno
    #expect(result == -1 && code == EIO && calls == 1)
  }
}
