import CifarCore
import FoundationEssentials

/// The header of a safetensors file: what its tensors are and where they lie, and its metadata.
struct SafeTensorsHeader: Decodable {
  struct Entry: Codable {
    var dtype: String
    var shape: [Int]
    var dataOffsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }
  }

  var metadata: [String: String]
  var entries: [String: Entry]

  init(metadata: [String: String], entries: [String: Entry]) {
    self.metadata = metadata
    self.entries = entries
  }

  private static let metadataKey = AnyKey(stringValue: "__metadata__")

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: AnyKey.self)
    metadata = [:]
    entries = [:]
    for key in values.allKeys {
      if key.stringValue == SafeTensorsHeader.metadataKey.stringValue {
        metadata = try values.decode([String: String].self, forKey: key)
      } else {
        entries[key.stringValue] = try values.decode(Entry.self, forKey: key)
      }
    }
  }

  /// The beginning of the file: the header with its length before it. The metadata come first, so
  /// that the first bytes of a file tell what it is, however many tensors it has.
  func start(reserving size: Int) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var json = Array(try encoder.encode(entries))
    if !metadata.isEmpty {
      let first = try encoder.encode([SafeTensorsHeader.metadataKey.stringValue: metadata])
      // One object of the two: without the brace that ends the one and the one that begins the other.
      json = first.dropLast() + (entries.isEmpty ? [] : [UInt8(ascii: ",")]) + json.dropFirst()
    }
    // Spaces align the numbers to 8 bytes, as the format's own writer does.
    json += repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    var file: [UInt8] = []
    file.reserveCapacity(8 + json.count + size)
    for shift in 0..<8 { file.append(UInt8(truncatingIfNeeded: json.count >> (8 * shift))) }
    file += json
    return file
  }

  /// Bytes of a header; that of the deepest model there may be has some hundred kilobytes.
  private static let longestHeader = 16 << 20

  /// Examines the beginning of a file before the rest of it is read.
  ///
  /// - Parameter size: the file's; nil if it is not known.
  /// - Throws: `badData` for what is not such a file.
  static func checkStart(_ bytes: [UInt8], size: Int?) throws {
    let size = size ?? Int.max
    guard bytes.count >= 8 else { throw notOne("it has \(bytes.count) bytes") }
    if bytes.starts(with: ForeignFormat.zip) {
      // The remedy of other archives, to unpack them, leads nowhere here.
      throw notOne("it is a zip file, as torch.save and Keras write theirs")
    }
    if let fault = ForeignFormat.described(bytes) { throw notOne("it \(fault)") }
    let length = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(size - 8) else {
      throw notOne(
        "it would begin with the length of its header, but there it has \(length), more than the file's "
          + "\(size) bytes")
    }
    guard length <= longestHeader else {
      throw notOne("its header of \(length) bytes is longer than the \(longestHeader) there may be")
    }
    guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else {
      throw notOne("its header does not begin as JSON")
    }
  }

  /// - Returns: also where the numbers begin.
  static func read(_ bytes: [UInt8]) throws -> (header: SafeTensorsHeader, start: Int) {
    try checkStart(bytes, size: bytes.count)
    let length = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let start = 8 + Int(length)
    if let fault = JSONStructure.fault(in: bytes[8..<start]) { throw notOne("its header \(fault)") }
    do {
      return (try JSONDecoder().decode(SafeTensorsHeader.self, from: Data(bytes[8..<start])), start)
    } catch {
      throw notOne("its header is not the JSON it should be")
    }
  }

  static func notOne(_ reason: String) -> CifarError {
    CifarError(.badData, "not a safetensors file: \(reason)")
  }
}
