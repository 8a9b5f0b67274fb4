/// The types of numbers in safetensors files that can be read. What this library writes is float32, and
/// int8 for the weights of quantized models.
enum TensorType: String, CaseIterable {
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float64 = "F64"
  /// `num_batches_tracked`, a count.
  case int64 = "I64"
  /// Weights that lack a factor for each output: see `QuantizedTensor`.
  case int8 = "I8"

  /// Bytes of a number.
  var size: Int {
    switch self {
    case .int8: 1
    case .float16, .bfloat16: 2
    case .float32: 4
    case .float64, .int64: 8
    }
  }

  /// The types as a sentence has them.
  static func list(_ types: Set<TensorType>) -> String {
    allCases.filter(types.contains).map(\.rawValue).joined(separator: ", ")
  }

  /// Numbers as the file has them, little-endian, rounded to the nearest float32.
  func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    let count = bytes.count / size
    return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      switch self {
      case .float32: UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
      case .float16: for i in 0..<count { buffer[i] = TensorType.half(TensorType.bits(bytes, i)) }
      case .bfloat16:
        for i in 0..<count {
          let bits: UInt16 = TensorType.bits(bytes, i)
          buffer[i] = Float(bitPattern: UInt32(bits) << 16)
        }
      case .float64:
        for i in 0..<count { buffer[i] = Float(Double(bitPattern: TensorType.bits(bytes, i))) }
      case .int64:
        for i in 0..<count {
          let value: Int64 = TensorType.bits(bytes, i)
          buffer[i] = Float(value)
        }
      case .int8: for i in 0..<count { buffer[i] = Float(Int8(bitPattern: bytes[i])) }
      }
      filled = count
    }
  }

  private static func bits<Bits: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ index: Int
  ) -> Bits {
    Bits(
      littleEndian: bytes.loadUnaligned(
        fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self))
  }

  /// IEEE's binary16. `Float16` would call the C runtime for every number.
  private static func half(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1f)
    let fraction = UInt32(bits & 0x3ff)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return Float(bitPattern: magnitude.bitPattern | sign)
    case 31: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
