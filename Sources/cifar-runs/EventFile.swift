/// A TensorBoard event file: records of protocol buffers, each with checksums.
struct EventFile {
  private(set) var bytes: [UInt8] = []

  /// - Parameter time: seconds since 1970.
  init(time: Double) {
    var event = Protobuf()
    event.double(1, time)
    event.string(3, "brain.Event:2")
    append(event.bytes)
  }

  /// Adds the value of a scalar at a step.
  mutating func scalar(_ tag: String, _ value: Double, step: Int, time: Double) {
    var point = Protobuf()
    point.string(1, tag)
    point.float(2, Float(value))
    var summary = Protobuf()
    summary.message(1, point)
    var event = Protobuf()
    event.double(1, time)
    event.integer(2, step)
    event.message(5, summary)
    append(event.bytes)
  }

  /// Length, its checksum, the data, their checksum.
  private mutating func append(_ data: [UInt8]) {
    let length = withUnsafeBytes(of: UInt64(data.count).littleEndian, Array.init)
    for part in [length, data] {
      bytes += part
      bytes += withUnsafeBytes(of: CRC32C.masked(part).littleEndian, Array.init)
    }
  }
}

/// Fields of a protocol buffer, as far as event files have them.
private struct Protobuf {
  private(set) var bytes: [UInt8] = []

  mutating func double(_ field: Int, _ value: Double) {
    key(field, 1)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
  }

  mutating func float(_ field: Int, _ value: Float) {
    key(field, 5)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
  }

  mutating func integer(_ field: Int, _ value: Int) {
    key(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func string(_ field: Int, _ value: String) { data(field, Array(value.utf8)) }

  mutating func message(_ field: Int, _ value: Protobuf) { data(field, value.bytes) }

  private mutating func data(_ field: Int, _ value: [UInt8]) {
    key(field, 2)
    varint(UInt64(value.count))
    bytes += value
  }

  private mutating func key(_ field: Int, _ type: Int) { varint(UInt64(field << 3 | type)) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// The Castagnoli checksum (RFC 3720, appendix B.4).
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1
    }
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }

  /// As TensorFlow stores it, so that a checksum over data with checksums in it stays good.
  static func masked(_ bytes: [UInt8]) -> UInt32 {
    let value = checksum(bytes)
    return (value >> 15 | value << 17) &+ 0xa282_ead8
  }
}
