import Glibc
import Kernels

/// Which end of its memory a guarded buffer's data touches. A vector that is read too far may stay
/// within a page at one end, and cannot at the other: a kernel's test runs with both.
public enum GuardedSide: CaseIterable, Sendable {
  /// The first element follows a page that nobody may touch.
  case start
  /// The last element is followed by one.
  case end

  /// The side that new buffers take.
  @TaskLocal public static var current = GuardedSide.end
}

/// Memory for a kernel between two pages that can be neither read nor written: a kernel that goes
/// beyond ends the test with a segmentation fault. Data touches the page at `GuardedSide.current`;
/// what lies between it and the other one is filled, and must stay as it is.
///
/// Data whose size is a multiple of a vector's is aligned to vectors at both sides. What is to be
/// written begins as NaN, so that a number that was forgotten shows.
public final class GuardedBuffer<Element: BitwiseCopyable & Equatable> {
  public let pointer: UnsafeMutablePointer<Element>
  public let count: Int
  private let mapping: UnsafeMutableRawBufferPointer
  /// Between the data and the page at its other end.
  private let rest: UnsafeMutableRawBufferPointer

  private static var filling: UInt8 { 0xA5 }

  fileprivate init(count: Int, initial: Element) {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let bytes = count * MemoryLayout<Element>.stride
    let open = (bytes + page - 1) / page * page
    let size = open + 2 * page
    let address = mmap(nil, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED,
      mprotect(address + page, open, PROT_READ | PROT_WRITE) == 0
    else { preconditionFailure("no memory for a guarded buffer of \(bytes) bytes") }
    mapping = UnsafeMutableRawBufferPointer(start: address, count: size)
    let first = address + page
    let isAtEnd = GuardedSide.current == .end
    rest = UnsafeMutableRawBufferPointer(
      start: isAtEnd ? first : first + bytes, count: open - bytes)
    rest.initializeMemory(as: UInt8.self, repeating: GuardedBuffer.filling)
    self.count = count
    pointer = (isAtEnd ? first + rest.count : first).bindMemory(to: Element.self, capacity: count)
    pointer.initialize(repeating: initial, count: count)
  }

  deinit { munmap(mapping.baseAddress, mapping.count) }

  public var array: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// Whether nobody wrote into what lies beside the data.
  public var isIntact: Bool {
    guard let bytes = rest.baseAddress, rest.count > 0 else { return true }
    // All bytes are equal if each equals the next.
    return rest[0] == GuardedBuffer.filling && memcmp(bytes, bytes + 1, rest.count - 1) == 0
  }

  public subscript(index: Int) -> Element { pointer[index] }

  fileprivate func fill(from values: [Element]) {
    values.withUnsafeBufferPointer { source in
      if let from = source.baseAddress { pointer.update(from: from, count: source.count) }
    }
  }
}

extension GuardedBuffer<Float> {
  public convenience init(output count: Int) { self.init(count: count, initial: .nan) }

  public convenience init(_ values: [Float]) {
    self.init(output: values.count)
    fill(from: values)
  }

  /// A pointer to an address that no vector is aligned to where the buffer begins at a page, over
  /// `values`.
  public static func unaligned(_ values: [Float]) -> (GuardedBuffer, UnsafeMutablePointer<Float>) {
    let buffer = GuardedBuffer([-12_345] + values)
    return (buffer, buffer.pointer + 1)
  }
}

extension GuardedBuffer<Int16> {
  public convenience init(int16 count: Int) { self.init(count: count, initial: -32_768) }

  public convenience init(_ values: [Int16]) {
    self.init(int16: values.count)
    fill(from: values)
  }
}

extension GuardedBuffer<BFloat16> {
  /// The upper halves of the values.
  public convenience init(halves values: [Float]) {
    self.init(count: values.count, initial: BFloat16(bits: 0x7FC0))
    fill(from: values.map { BFloat16(bits: UInt16($0.bitPattern >> 16)) })
  }
}

extension GuardedBuffer<UInt8> {
  public convenience init(outputBytes count: Int) { self.init(count: count, initial: 77) }
}
