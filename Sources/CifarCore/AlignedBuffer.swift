/// A fixed run of trivial values, zeroed, on a 64-byte boundary: a cache line, and the widest
/// vector there is.
public final class AlignedBuffer<Element: BitwiseCopyable> {
  public let pointer: UnsafeMutablePointer<Element>
  public let count: Int

  public init(count: Int) {
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    pointer = raw.assumingMemoryBound(to: Element.self)
  }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }

  public var span: UnsafeMutableBufferPointer<Element> { .init(start: pointer, count: count) }

  public subscript(index: Int) -> Element {
    get { pointer[index] }
    set { pointer[index] = newValue }
  }

  public func fill(_ value: Element) { span.update(repeating: value) }

  public func copy(from other: AlignedBuffer<Element>) {
    precondition(other.count == count)
    pointer.update(from: other.pointer, count: count)
  }
}
