extension PickleHeap.NumberType {
  /// The integers that the bytes are; nil for another type than integers of 1, 2, 4 or 8 bytes, for
  /// a number that does not fit `Int`, or for bytes that are left over.
  func integers(_ bytes: ArraySlice<UInt8>) -> [Int]? {
    guard let kind = name.utf8.first, name.utf8.count == 2, "iu".utf8.contains(kind),
      let size = Int(name.dropFirst()), [1, 2, 4, 8].contains(size), bytes.count % size == 0
    else { return nil }
    var numbers: [Int] = []
    numbers.reserveCapacity(bytes.count / size)
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: size) {
      var bits: UInt64 = 0
      for place in 0..<size {
        let byte = bytes[start + (isBigEndian ? place : size - 1 - place)]
        bits = bits << 8 | UInt64(byte)
      }
      let unused = UInt64(64 - 8 * size)
      if kind == UInt8(ascii: "i") {
        numbers.append(Int(Int64(bitPattern: bits << unused) >> Int64(unused)))
      } else {
        guard let number = Int(exactly: bits) else { return nil }
        numbers.append(number)
      }
    }
    return numbers
  }
}

/// Bytes as Python 3 writes them in protocol 2: as the UTF-8 of a text whose characters they are.
enum PickleLatin1 {
  /// The bytes that are meant; nil for UTF-8 of other characters than U+0000 to U+00FF.
  static func decoded(_ place: PickleBytes, of file: [UInt8]) -> ArraySlice<UInt8>? {
    guard place.isLatin1 else { return file[place.range] }
    var result: [UInt8] = []
    result.reserveCapacity(Int(place.length))
    var lead: UInt8?
    for byte in file[place.range] {
      if let high = lead {
        guard byte & 0xc0 == 0x80 else { return nil }
        result.append(high << 6 | byte & 0x3f)
        lead = nil
      } else if byte < 0x80 {
        result.append(byte)
      } else {
        guard byte == 0xc2 || byte == 0xc3 else { return nil }
        lead = byte
      }
    }
    return lead == nil ? result[...] : nil
  }
}
