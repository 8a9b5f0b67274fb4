/// A value that a pickle builds.
///
/// Values are small and of one size: bytes stay where they are in the file, what has parts is a
/// place in `PickleHeap`. So a value can be stored, recalled and repeated at the price of the opcode
/// that does so, a list that holds itself is nothing special, and nothing is released in depth.
enum PickleValue {
  case none
  case boolean(Bool)
  case integer(Int)
  /// What has no meaning in a batch: a float, an integer beyond 64 bits.
  case other
  case bytes(PickleBytes)
  case text(PickleBytes)
  /// A place in `PickleHeap.elements`.
  case tuple(start: UInt32, count: UInt32)
  /// Places in the heap's other tables.
  case list(UInt32)
  case dictionary(UInt32)
  case type(UInt32)
  case array(UInt32)
  case function(PickleFunction)
  /// A class that is handed to a function: `numpy.ndarray`.
  case name
}

/// Bytes, by their place in the file.
struct PickleBytes {
  var start: UInt32
  var length: UInt32
  /// Whether the file holds them as UTF-8 of the characters U+0000 to U+00FF: how Python 3 writes
  /// bytes in protocol 2. They are decoded where they are needed, and only once.
  var isLatin1 = false

  var range: Range<Int> { Int(start)..<(Int(start) + Int(length)) }
}

/// The functions that a batch calls, by what they do.
enum PickleFunction {
  /// `numpy.core.multiarray._reconstruct`: an array without content.
  case emptyArray
  /// `numpy.core.numeric._frombuffer`: an array of bytes, type, shape and order.
  case arrayFromBuffer
  /// `numpy.core.multiarray.scalar`: a number of a type and bytes.
  case scalar
  /// `numpy.dtype`
  case type
  /// `_codecs.encode`: bytes of a text.
  case encode
  /// `bytes`: without arguments, no bytes.
  case bytes

  /// - Parameters: as the pickle names it. NumPy 2 calls `numpy.core` `numpy._core`.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"):
      self = .emptyArray
    case ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"):
      self = .arrayFromBuffer
    case ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"): self = .scalar
    case ("numpy", "dtype"): self = .type
    case ("_codecs", "encode"): self = .encode
    case ("__builtin__", "bytes"), ("builtins", "bytes"): self = .bytes
    default: return nil
    }
  }
}

/// The parts of what has parts.
struct PickleHeap {
  /// A number's type as NumPy names it: `u1` is a byte, `i8` a 64-bit integer.
  struct NumberType {
    var name: String
    var isBigEndian = false
  }

  struct Array {
    var shape: [Int] = []
    /// A place in `types`; nil as long as the array has no content.
    var type: UInt32?
    var isFortranOrder = false
    var bytes = PickleBytes(start: 0, length: 0)
  }

  /// Of all tuples, one after the other.
  var elements: [PickleValue] = []
  var lists: [[PickleValue]] = []
  /// In the order they were set; of equal keys the last one counts.
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var types: [NumberType] = []
  var arrays: [Array] = []
}
