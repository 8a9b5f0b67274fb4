import Glibc

/// A fixed run of trivial values, zeroed, on a 64-byte boundary: a cache line, and the widest
/// vector there is.
///
/// Large buffers ask for huge pages. A training step walks over some hundred megabytes; with pages
/// of 4 KiB a good part of its time would go into finding them.
public final class AlignedBuffer<Element: BitwiseCopyable> {
  public let pointer: UnsafeMutablePointer<Element>
  public let count: Int

  public init(count: Int) {
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let large = bytes >= hugePage
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: bytes, alignment: large ? hugePage : 64)
    // A hint: where the system has no huge pages, nothing is lost.
    if large { madvise(raw, bytes, MADV_HUGEPAGE) }
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

private let hugePage = 2 << 20
