import CMemory

/// A fixed run of trivial values, zeroed, on a 64-byte boundary: a cache line, and the widest
/// vector there is.
///
/// Large buffers ask for huge pages. A training step walks over some hundred megabytes; with pages
/// of 4 KiB a good part of its time would go into finding them. Their pages are taken when they are
/// first written to, so that a plan that is too large for the machine fails before it takes any.
public final class AlignedBuffer<Element: BitwiseCopyable> {
  public let pointer: UnsafeMutablePointer<Element>
  public let count: Int
  private let bytes: Int

  /// - Parameter purpose: what the buffer is for, in the plural, for the message.
  /// - Throws: `outOfMemory` if it can't be had, or would exceed what the process may use.
  public init(count: Int, for purpose: StaticString = "working memory") throws {
    let (size, isTooLarge) = max(count, 1).multipliedReportingOverflow(
      by: MemoryLayout<Element>.stride)
    guard !isTooLarge else { throw MemoryNeed.failure(.max, for: "\(purpose)") }
    if size >= MemoryNeed.worthACheck { try MemoryNeed.check(size, for: "\(purpose)") }
    guard let raw = memory_buffer(size) else {
      throw MemoryNeed.failure(size, for: "\(purpose)")
    }
    self.count = count
    bytes = size
    pointer = raw.assumingMemoryBound(to: Element.self)
  }

  deinit { memory_buffer_free(pointer, bytes) }

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
