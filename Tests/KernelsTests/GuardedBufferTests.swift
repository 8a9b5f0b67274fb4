import Glibc
import TestSupport
import Testing

/// The guard itself: what the other tests rely on.
@Suite struct GuardedBufferTests {
  @Test func aReadBehindTheEndEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGSEGV)) {
      let buffer = GuardedSide.$current.withValue(.end) { GuardedBuffer([1, 2, 3] as [Float]) }
      // The exit code needs what is read: an optimiser leaves the read where it is.
      exit((buffer.pointer + 3).pointee == 7 ? 3 : 4)
    }
  }

  @Test func aReadBeforeTheStartEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGSEGV)) {
      let buffer = GuardedSide.$current.withValue(.start) { GuardedBuffer([1, 2, 3] as [Float]) }
      exit((buffer.pointer - 1).pointee == 7 ? 3 : 4)
    }
  }

  @Test(arguments: GuardedSide.allCases)
  func aWriteAtTheOtherSideShows(side: GuardedSide) {
    let buffer = GuardedSide.$current.withValue(side) { GuardedBuffer([1, 2, 3] as [Float]) }
    #expect(buffer.isIntact && buffer.array == [1, 2, 3])
    buffer.pointer[side == .end ? -1 : 3] = 4
    #expect(!buffer.isIntact)
  }

  @Test(.onBothSides) func wholeVectorsAreAligned() {
    for vectors in 1...70 {
      let buffer = GuardedBuffer([Float](repeating: 1, count: 16 * vectors))
      #expect(UInt(bitPattern: buffer.pointer) % 64 == 0)
    }
  }
}
