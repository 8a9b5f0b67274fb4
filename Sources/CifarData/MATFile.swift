import CifarCore

/// Arrays of numbers in a MATLAB file of version 5, packed by zlib or not.
///
/// (MathWorks, "MAT-File Format", level 5: a header of 128 bytes, then elements of a type, a size and
/// as many bytes; those of type 15 are packed.)
struct MATFile {
  struct Array {
    let name: String
    /// The first changes fastest.
    let dimensions: [Int]
    /// One byte a number: others are turned into bytes, where they fit.
    let bytes: [UInt8]
  }

  let arrays: [Array]

  private enum ElementType: UInt32 {
    case int8 = 1
    case uint8 = 2
    case int16 = 3
    case uint16 = 4
    case int32 = 5
    case uint32 = 6
    case float64 = 9
    case matrix = 14
    case packed = 15
  }

  private struct Element {
    let type: UInt32
    let bytes: Slice<UnsafeRawBufferPointer>
  }

  /// Bytes that an array of a data set has at most.
  private static let largest = 512 << 20

  private let path: String

  /// - Throws: `badData` for anything else than such a file.
  init(_ content: UnsafeRawBufferPointer, path: String) throws {
    self.path = path
    guard content.count >= 136, content[126] == UInt8(ascii: "I"), content[127] == UInt8(ascii: "M")
    else { throw MATFile.fault(path, "is no MATLAB file of version 5") }
    var arrays: [Array] = []
    var rest = content[128...]
    while rest.count >= 8 {
      let element = try MATFile.element(&rest, path, isPadded: false)
      switch ElementType(rawValue: element.type) {
      case .packed:
        let stream = UnsafeRawBufferPointer(rebasing: element.bytes).bindMemory(to: UInt8.self)
        let head = try Zlib.unpacked(stream, atMost: 8, of: path)
        guard head.count == 8 else { throw MATFile.fault(path, "has an empty packed element") }
        let size = head.withUnsafeBytes {
          Int($0.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        }
        guard size <= MATFile.largest else {
          throw MATFile.fault(path, "has an array of \(size) bytes")
        }
        try Zlib.unpacked(stream, atMost: size + 8, of: path).withUnsafeBytes { bytes in
          var inner = bytes[...]
          let element = try MATFile.element(&inner, path)
          arrays.append(try MATFile.array(element, path))
        }
      case .matrix: arrays.append(try MATFile.array(element, path))
      default: continue
      }
    }
    self.arrays = arrays
  }

  private static func fault(_ path: String, _ text: String) -> CifarError {
    CifarError(.badData, "'\(path)' \(text); download it again")
  }

  /// Takes the next element.
  private static func element(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ path: String, isPadded: Bool = true
  ) throws -> Element {
    let bytes = UnsafeRawBufferPointer(rebasing: rest)
    guard bytes.count >= 8 else { throw fault(path, "is truncated in an element") }
    let word = bytes.loadUnaligned(as: UInt32.self)
    // A small element has its size in the upper half, and its bytes where the size would be.
    if word >> 16 != 0 {
      let size = Int(word >> 16)
      guard size <= 4 else { throw fault(path, "has a small element of \(size) bytes") }
      rest = rest.dropFirst(8)
      return Element(type: word & 0xffff, bytes: bytes[4..<(4 + size)])
    }
    let size = Int(bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    guard size <= bytes.count - 8 else { throw fault(path, "is truncated in an element") }
    let padded = isPadded ? min((size + 7) / 8 * 8, bytes.count - 8) : size
    rest = rest.dropFirst(8 + padded)
    return Element(type: word, bytes: bytes[8..<(8 + size)])
  }

  private static func array(_ matrix: Element, _ path: String) throws -> Array {
    guard ElementType(rawValue: matrix.type) == .matrix else {
      throw fault(path, "has an element of type \(matrix.type) where an array should be")
    }
    var rest = matrix.bytes
    _ = try element(&rest, path)  // flags
    let sizes = try element(&rest, path)
    let name = try element(&rest, path)
    let data = try element(&rest, path)
    guard ElementType(rawValue: sizes.type) == .int32, (1...8).contains(sizes.bytes.count / 4)
    else {
      throw fault(path, "has an array without dimensions")
    }
    let raw = UnsafeRawBufferPointer(rebasing: sizes.bytes)
    let dimensions = (0..<(raw.count / 4)).map {
      Int(raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))
    }
    var count = 1
    for dimension in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow, product <= largest else {
        throw fault(path, "has an array of \(dimensions)")
      }
      count = product
    }
    return Array(
      name: String(decoding: name.bytes, as: UTF8.self), dimensions: dimensions,
      bytes: try numbers(data, count, path))
  }

  private static func numbers(_ data: Element, _ count: Int, _ path: String) throws -> [UInt8] {
    let raw = UnsafeRawBufferPointer(rebasing: data.bytes)
    func all<Number>(_ type: Number.Type, _ byte: (Number) -> UInt8?) throws -> [UInt8] {
      let size = MemoryLayout<Number>.size
      guard raw.count == count * size else {
        throw fault(path, "has an array of \(count) numbers in \(raw.count) bytes")
      }
      return try MemoryNeed.secured(count + 64, for: "the numbers of '\(path)'") {
        try (0..<count).map { index in
          let number = raw.loadUnaligned(fromByteOffset: index * size, as: Number.self)
          guard let byte = byte(number) else {
            throw fault(path, "has the number \(number) where there should be bytes")
          }
          return byte
        }
      }
    }
    switch ElementType(rawValue: data.type) {
    case .uint8: return try all(UInt8.self) { $0 }
    case .int8: return try all(Int8.self) { UInt8(exactly: $0) }
    case .uint16: return try all(UInt16.self) { UInt8(exactly: $0) }
    case .int16: return try all(Int16.self) { UInt8(exactly: $0) }
    case .uint32: return try all(UInt32.self) { UInt8(exactly: $0) }
    case .int32: return try all(Int32.self) { UInt8(exactly: $0) }
    case .float64: return try all(Double.self) { UInt8(exactly: $0) }
    case .matrix, .packed, nil: throw fault(path, "has an array of type \(data.type)")
    }
  }
}
