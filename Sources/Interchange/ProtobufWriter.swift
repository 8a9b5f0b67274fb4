/// The wire format of protocol buffers: fields in a row, each a number with a type, and a value.
///
/// Source: the encoding page of the protocol buffers documentation. A writer of the few kinds of
/// fields that ONNX and TensorBoard need is shorter than what a generated one would ask for.
package struct ProtobufWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// How a value is written.
  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case length = 2
    case fixed32 = 5
  }

  package mutating func integer(_ field: Int, _ value: Int) {
    tag(field, .varint)
    // A negative number has all its 64 bits.
    varint(UInt64(bitPattern: Int64(value)))
  }

  package mutating func float(_ field: Int, _ value: Float) {
    tag(field, .fixed32)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func double(_ field: Int, _ value: Double) {
    tag(field, .fixed64)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func string(_ field: Int, _ text: String) { data(field, Array(text.utf8)) }

  package mutating func data(_ field: Int, _ content: [UInt8]) {
    tag(field, .length)
    varint(UInt64(content.count))
    bytes += content
  }

  /// Numbers as they lie in memory, which is little-endian.
  package mutating func data(_ field: Int, _ numbers: [Float]) {
    tag(field, .length)
    varint(UInt64(numbers.count * MemoryLayout<Float>.stride))
    numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  /// A message as a field of another.
  package mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    data(field, inner.bytes)
  }

  private mutating func tag(_ field: Int, _ type: WireType) {
    varint(UInt64(field) << 3 | type.rawValue)
  }

  /// Seven bits a byte, the lowest first; the eighth says that more follow.
  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
