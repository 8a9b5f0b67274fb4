import CifarCore
import Glibc
import Testing

@Suite struct ProcessUsageTests {
  @Test func aPeakCanBeReset() throws {
    let size = 512 << 20
    let pages = try #require(
      mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    memset(pages, 1, size)
    munmap(pages, size)
    let before = ProcessUsage.peakMemory
    #expect(before > size)
    ProcessUsage.resetPeakMemory()
    // Other tests run meanwhile; what was given back is not in it any more.
    #expect(ProcessUsage.peakMemory < before - size / 2)
  }
}
