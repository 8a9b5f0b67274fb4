import CCPUFeatures
import KernelABI

// Numbers of 8 bits. As `Stored`, they are what they are: a step of 1.

/// A byte with or without a sign.
protocol StoredByte: Stored {
  static func loadTwo(_ p: UnsafePointer<Self>) -> ShortVector
  /// The lanes at `p` in the first half, zeros in the second.
  static func loadFirst(_ p: UnsafePointer<Self>) -> ShortVector
  /// The lanes at `p` in the second half, zeros in the first.
  static func loadSecond(_ p: UnsafePointer<Self>) -> ShortVector
}

extension StoredByte {
  /// Copies `lanes` bytes; zeros for nil.
  @inline(__always)
  static func copy(_ from: UnsafePointer<Self>?, to: UnsafeMutablePointer<Self>) {
    let bytes = from.map { UnsafeRawPointer($0).loadUnaligned(as: ByteVector.self) } ?? .zero
    UnsafeMutableRawPointer(to).storeBytes(of: bytes, as: ByteVector.self)
  }
}

extension UInt8: StoredByte {
  @inline(__always)
  static func load(_ p: UnsafePointer<UInt8>) -> Vector {
    cpu_to_floats(UnsafeRawPointer(p).loadUnaligned(as: ByteVector.self))
  }
  @inline(__always)
  static func store(_ v: Vector, _ p: UnsafeMutablePointer<UInt8>) {
    let whole = roundedBits(cpu_clamp(v, .zero, Vector(repeating: 255)))
    UnsafeMutableRawPointer(p).storeBytes(of: cpu_low_bytes(whole), as: ByteVector.self)
  }
  @inline(__always)
  static func loadTwo(_ p: UnsafePointer<UInt8>) -> ShortVector {
    cpu_to_shorts(UnsafeRawPointer(p).loadUnaligned(as: TwoByteVectors.self))
  }
  @inline(__always)
  static func loadFirst(_ p: UnsafePointer<UInt8>) -> ShortVector {
    cpu_to_shorts_first(UnsafeRawPointer(p).loadUnaligned(as: ByteVector.self))
  }
  @inline(__always)
  static func loadSecond(_ p: UnsafePointer<UInt8>) -> ShortVector {
    cpu_to_shorts_second(UnsafeRawPointer(p).loadUnaligned(as: ByteVector.self))
  }
}

extension Int8: StoredByte {
  @inline(__always)
  static func load(_ p: UnsafePointer<Int8>) -> Vector {
    cpu_to_floats(UnsafeRawPointer(p).loadUnaligned(as: SignedByteVector.self))
  }
  @inline(__always)
  static func store(_ v: Vector, _ p: UnsafeMutablePointer<Int8>) {
    let whole = roundedBits(cpu_clamp(v, Vector(repeating: -128), Vector(repeating: 127)))
    UnsafeMutableRawPointer(p).storeBytes(of: cpu_low_bytes(whole), as: ByteVector.self)
  }
  @inline(__always)
  static func loadTwo(_ p: UnsafePointer<Int8>) -> ShortVector {
    cpu_to_shorts(UnsafeRawPointer(p).loadUnaligned(as: TwoSignedByteVectors.self))
  }
  @inline(__always)
  static func loadFirst(_ p: UnsafePointer<Int8>) -> ShortVector {
    cpu_to_shorts_first(UnsafeRawPointer(p).loadUnaligned(as: SignedByteVector.self))
  }
  @inline(__always)
  static func loadSecond(_ p: UnsafePointer<Int8>) -> ShortVector {
    cpu_to_shorts_second(UnsafeRawPointer(p).loadUnaligned(as: SignedByteVector.self))
  }
}

/// A whole number of at most 2²¹, rounded to nearest, ties to even, in the low bits of each lane.
@inline(__always)
private func roundedBits(_ v: Vector) -> Vector { v + Vector(repeating: 12_582_912) }

// MARK: - Int16

@inline(__always)
func + (a: ShortVector, b: ShortVector) -> ShortVector { cpu_add(a, b) }

@inline(__always)
func - (a: ShortVector, b: ShortVector) -> ShortVector { cpu_subtract(a, b) }

/// v·2ⁿ
@inline(__always)
func shifted(_ v: ShortVector, _ n: Int32) -> ShortVector { cpu_shift_left(v, n) }

/// Stores to an address that is a multiple of the vector's size.
@inline(__always)
func storeShorts(_ v: ShortVector, _ p: UnsafeMutablePointer<Int16>) {
  UnsafeMutableRawPointer(p).assumingMemoryBound(to: ShortVector.self).pointee = v
}

// MARK: - Storage

/// What is stored as bytes goes to the kernels for them alone, and nothing else goes there: a plan sees to
/// that. Others compute nothing of it, as a kernel never ends the program.
@inline(__always)
func wrongStorage() {}
