import CifarCore

/// Aligned memory for a kernel with a margin on both sides that the kernel must leave alone.
///
/// What is to be written begins as NaN, so that a number that was forgotten shows.
public final class GuardedBuffer<Element: BitwiseCopyable & Equatable> {
  public let pointer: UnsafeMutablePointer<Element>
  public let count: Int
  private let storage: UnsafeMutablePointer<Element>
  private let sentinel: Element

  private static var margin: Int { 64 }

  fileprivate init(count: Int, initial: Element, sentinel: Element) {
    self.count = count
    self.sentinel = sentinel
    let size = count + 2 * GuardedBuffer.margin
    storage = UnsafeMutableRawPointer.allocate(
      byteCount: size * MemoryLayout<Element>.stride, alignment: 64
    ).initializeMemory(as: Element.self, repeating: sentinel, count: size)
    pointer = storage + GuardedBuffer.margin
    pointer.update(repeating: initial, count: count)
  }

  deinit { storage.deallocate() }

  public var array: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// Whether nobody wrote outside.
  public var isIntact: Bool {
    (0..<GuardedBuffer.margin).allSatisfy {
      storage[$0] == sentinel && pointer[count + $0] == sentinel
    }
  }

  public subscript(index: Int) -> Element { pointer[index] }

  fileprivate func fill(from values: [Element]) {
    for (i, value) in values.enumerated() { pointer[i] = value }
  }
}

extension GuardedBuffer<Float> {
  public convenience init(output count: Int) {
    self.init(count: count, initial: .nan, sentinel: -12_345)
  }

  public convenience init(_ values: [Float]) {
    self.init(output: values.count)
    fill(from: values)
  }

  /// A pointer to an address that no vector is aligned to, over `values`.
  public static func unaligned(_ values: [Float]) -> (GuardedBuffer, UnsafeMutablePointer<Float>) {
    let buffer = GuardedBuffer([-12_345] + values)
    return (buffer, buffer.pointer + 1)
  }
}

extension GuardedBuffer<UInt8> {
  public convenience init(outputBytes count: Int) {
    self.init(count: count, initial: 77, sentinel: 99)
  }
}
