import CifarCore
import Testing

@testable import CheckpointFormat

/// Numbers of other programs' types.
@Suite struct TensorTypeTests {
  private func floats(_ type: TensorType, _ numbers: [some FixedWidthInteger]) -> [Float] {
    numbers.map(\.littleEndian).withUnsafeBytes(type.floats)
  }

  @Test func halfPrecision() {
    // 1, −2, the largest, the smallest normal and subnormal numbers, both zeros, infinity.
    let bits: [UInt16] = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0, 0x8000, 0xfc00]
    let values: [Float] = [
      1, -2, 65504, 0x1p-14, 0x1p-24, 1023 * 0x1p-24, 0, -0.0, -.infinity,
    ]
    #expect(floats(.float16, bits).map(\.bitPattern) == values.map(\.bitPattern))
    #expect(floats(.float16, [0x7e00 as UInt16])[0].isNaN)
  }

  @Test func otherTypes() {
    #expect(floats(.bfloat16, [0x3f80, 0xc049] as [UInt16]) == [1, -3.140625])
    #expect(floats(.float64, [(0.1).bitPattern, (-2.0).bitPattern]) == [0.1, -2])
    #expect(floats(.int64, [-3, 1 << 40] as [Int64]) == [-3, 0x1p40])
  }

  @Test func filesOfMixedTypes() throws {
    let header =
      #"{"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},"#
      + #""b":{"dtype":"F64","shape":[],"data_offsets":[4,12]}}"#
    var file = [UInt8(header.utf8.count)] + [UInt8](repeating: 0, count: 7) + Array(header.utf8)
    file += [0x80, 0x3f, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]
    let tensors = try SafeTensors.decodeConverting(file).tensors
    #expect(
      tensors == [
        Tensor(name: "a", shape: [1, 2], values: [1, 2]),
        Tensor(name: "b", shape: [], values: [1]),
      ])
    #expect(throws: CifarError.self) { try SafeTensors.decode(file) }
  }
}
