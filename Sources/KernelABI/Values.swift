/// How numbers lie in memory.
public enum Storage: Sendable {
  case float32
  /// The upper half of a float32: its range with 8 binary digits. Rounded to nearest, ties to even.
  /// Arithmetic is in float32.
  case bfloat16
  /// Whole numbers from 0 to 255 that stand for as many steps.
  case uint8
  /// From −128 to 127.
  case int8

  /// Bytes of a number.
  public var bytes: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    case .uint8, .int8: 1
    }
  }

  public var isBytes: Bool { self == .uint8 || self == .int8 }
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
  /// What a byte is multiplied by to be what it stands for; 1 for other numbers.
  public let step: Float

  public init(base: UnsafeMutableRawPointer, storage: Storage, step: Float = 1) {
    self.base = base
    self.storage = storage
    self.step = step
  }

  public init(_ floats: UnsafeMutablePointer<Float>) {
    self.init(base: UnsafeMutableRawPointer(floats), storage: .float32)
  }

  /// Numbers that will only be read.
  public init(_ floats: UnsafePointer<Float>) { self.init(UnsafeMutablePointer(mutating: floats)) }

  /// The numbers from number `count` on.
  public static func + (values: Values, count: Int) -> Values {
    Values(
      base: values.base + count * values.storage.bytes, storage: values.storage, step: values.step)
  }

  /// Only where `storage` is `float32`.
  public var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

  /// To be asked for where `storage` is `bfloat16`.
  public var bfloat16s: UnsafeMutablePointer<BFloat16> {
    base.assumingMemoryBound(to: BFloat16.self)
  }

  /// To be asked for where `storage` is `uint8`.
  public var uint8s: UnsafeMutablePointer<UInt8> { base.assumingMemoryBound(to: UInt8.self) }

  /// To be asked for where `storage` is `int8`.
  public var int8s: UnsafeMutablePointer<Int8> { base.assumingMemoryBound(to: Int8.self) }
}
