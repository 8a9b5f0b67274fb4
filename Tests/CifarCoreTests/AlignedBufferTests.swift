import Testing

@testable import CifarCore

@Suite struct AlignedBufferTests {
  @Test(arguments: [0, 1, 15, 1_000, 600_000])
  func beginsOnACacheLineAndWithZeros(count: Int) throws {
    let buffer = try AlignedBuffer<Float>(count: count)
    #expect(UInt(bitPattern: buffer.pointer) % 64 == 0)
    #expect(buffer.count == count && buffer.span.count == count)
    #expect(buffer.span.allSatisfy { $0 == 0 })
  }

  /// Also after other memory has been used.
  @Test func memoryIsZeroedEachTime() throws {
    for _ in 0..<50 {
      let buffer = try AlignedBuffer<UInt8>(count: 777)
      #expect(buffer.span.allSatisfy { $0 == 0 })
      buffer.fill(0xA5)
    }
  }

  @Test func valuesAreKept() throws {
    let buffer = try AlignedBuffer<Int32>(count: 5)
    buffer.fill(7)
    buffer[2] = -1
    let other = try AlignedBuffer<Int32>(count: 5)
    other.copy(from: buffer)
    #expect(Array(other.span) == [7, 7, -1, 7, 7])
  }
}
