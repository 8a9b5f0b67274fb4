/// How numbers lie in memory. Arithmetic is in float32 with both.
public enum Storage: Sendable {
  case float32
  /// The upper half of a float32: its range with 8 binary digits. Rounded to nearest, ties to even.
  case bfloat16

  /// Bytes of a number.
  public var bytes: Int { self == .float32 ? 4 : 2 }
}

/// A number as `Storage.bfloat16` has it.
public struct BFloat16: BitwiseCopyable, Equatable, Sendable {
  public var bits: UInt16

  public init(bits: UInt16) { self.bits = bits }

  public var float: Float { Float(bitPattern: UInt32(bits) << 16) }
}

/// Where a run of numbers begins, and how they are stored.
public struct Values: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let storage: Storage

  public init(base: UnsafeMutableRawPointer, storage: Storage) {
    self.base = base
    self.storage = storage
  }

  public init(_ floats: UnsafeMutablePointer<Float>) {
    self.init(base: UnsafeMutableRawPointer(floats), storage: .float32)
  }

  /// Numbers that will only be read.
  public init(_ floats: UnsafePointer<Float>) { self.init(UnsafeMutablePointer(mutating: floats)) }

  /// The numbers from number `count` on.
  public static func + (values: Values, count: Int) -> Values {
    Values(base: values.base + count * values.storage.bytes, storage: values.storage)
  }

  /// Only where `storage` is `float32`.
  public var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

  /// To be asked for where `storage` is `bfloat16`.
  public var bfloat16s: UnsafeMutablePointer<BFloat16> {
    base.assumingMemoryBound(to: BFloat16.self)
  }
}
