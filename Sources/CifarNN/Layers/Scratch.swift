import CifarCore

/// Memory that layers use one after the other, none across two of its calls.
///
/// Each layer reserves what it needs when it is made; the plan allocates the largest once. What one
/// layer leaves in the caches the next one finds there.
final class Scratch {
  private var size = 0
  private var buffer: AlignedBuffer<Float>?

  /// Makes sure that `pointer` will have room for `count` floats.
  func reserve(_ count: Int) { size = max(size, count) }

  /// To be called once, when all layers have been made.
  func allocate() { buffer = AlignedBuffer(count: size) }

  /// Valid after `allocate`.
  var pointer: UnsafeMutablePointer<Float> { buffer.unsafelyUnwrapped.pointer }
}
