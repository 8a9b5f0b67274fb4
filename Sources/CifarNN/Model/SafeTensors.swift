import CifarCore
import FoundationEssentials

/// The safetensors file format, float32 tensors only.
///
/// Eight bytes with the header's length, little-endian; a JSON header that gives each tensor's type,
/// shape and place, and under `__metadata__` strings by name; then the numbers, little-endian, one
/// tensor after the other. Source: the format section of the safetensors README.
public enum SafeTensors {
  /// The bytes of a file that holds `tensors` in the order given.
  ///
  /// - Throws: `invalidArgument` for a name given twice or numbers that do not fill their shape.
  public static func encode(
    _ tensors: [Tensor], metadata: [String: String]
  ) throws -> [UInt8] {
    var header = Header(metadata: metadata, entries: [:])
    var size = 0
    for tensor in tensors {
      guard tensor.values.count == tensor.shape.reduce(1, *) else {
        throw CifarError(
          .invalidArgument,
          "tensor '\(tensor.name)' has \(tensor.values.count) numbers for shape \(tensor.shape)")
      }
      let bytes = tensor.values.count * 4
      let entry = Entry(dtype: "F32", shape: tensor.shape, dataOffsets: [size, size + bytes])
      guard header.entries.updateValue(entry, forKey: tensor.name) == nil else {
        throw CifarError(.invalidArgument, "two tensors are called '\(tensor.name)'")
      }
      size += bytes
    }
    var file = try start(of: header, reserving: size)
    for tensor in tensors {
      tensor.values.withUnsafeBytes { file.append(contentsOf: $0) }
    }
    return file
  }

  /// The header with its length before it.
  private static func start(of header: Header, reserving size: Int) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var json = Array(try encoder.encode(header))
    // Spaces align the numbers to 8 bytes, as the format's own writer does.
    json += repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    var file: [UInt8] = []
    file.reserveCapacity(8 + json.count + size)
    for shift in 0..<8 { file.append(UInt8(truncatingIfNeeded: json.count >> (8 * shift))) }
    file += json
    return file
  }

  /// The same file with another string in its metadata. What was added and is taken out again leaves
  /// the bytes that `encode` wrote.
  ///
  /// - Parameter value: nil takes the string out.
  /// - Throws: `badData` for bytes that are not such a file, `outOfMemory`.
  public static func setting(
    _ name: String, to value: String?, in bytes: [UInt8]
  ) throws -> [UInt8] {
    let added = (value?.utf8.count ?? 0) * 2
    return try MemoryNeed.secured(bytes.count + added + (1 << 17), for: "the bytes of a file") {
      var (header, first) = try header(of: bytes)
      header.metadata[name] = value
      var file = try start(of: header, reserving: bytes.count - first)
      file += bytes[first...]
      return file
    }
  }

  /// The strings of a file by their names.
  /// - Throws: `badData` for bytes that are not such a file.
  public static func metadata(of bytes: [UInt8]) throws -> [String: String] {
    try header(of: bytes).header.metadata
  }

  /// Reads a file.
  ///
  /// - Throws: `badData` for bytes that are not such a file, `unsupported` for other types than
  ///   float32, `outOfMemory`.
  public static func decode(
    _ bytes: [UInt8]
  ) throws -> (tensors: [Tensor], metadata: [String: String]) {
    // The numbers, and a header that is small beside them.
    try MemoryNeed.secured(bytes.count + (1 << 16), for: "the tensors") { try parse(bytes) }
  }

  /// Bytes of a header; that of the deepest model there may be has some hundred kilobytes.
  private static let longestHeader = 16 << 20

  /// Looks at the beginning of a file before the rest of it is read.
  ///
  /// - Parameter size: the file's; nil if it is not known.
  /// - Throws: `badData` for what is not such a file.
  public static func checkStart(_ bytes: [UInt8], size: Int?) throws {
    let size = size ?? Int.max
    guard bytes.count >= 8 else { throw notOne("it has \(bytes.count) bytes") }
    if let fault = ForeignFormat.described(bytes) { throw notOne("it \(fault)") }
    let length = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(size - 8) else {
      throw notOne("its header of \(length) bytes is longer than the file")
    }
    guard length <= longestHeader else {
      throw notOne("its header of \(length) bytes is longer than the \(longestHeader) there may be")
    }
    guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else {
      throw notOne("its header does not begin as JSON")
    }
  }

  /// - Returns: also where the numbers begin.
  private static func header(of bytes: [UInt8]) throws -> (header: Header, start: Int) {
    try checkStart(bytes, size: bytes.count)
    let length = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let start = 8 + Int(length)
    if let fault = JSONStructure.fault(in: bytes[8..<start]) { throw notOne("its header \(fault)") }
    do {
      return (try JSONDecoder().decode(Header.self, from: Data(bytes[8..<start])), start)
    } catch {
      throw notOne("its header is not the JSON it should be")
    }
  }

  private static func parse(
    _ bytes: [UInt8]
  ) throws -> (tensors: [Tensor], metadata: [String: String]) {
    let (header, start) = try header(of: bytes)
    var placed: [(begin: Int, tensor: Tensor)] = []
    for (name, entry) in header.entries {
      try MemoryNeed.checkReserve()
      let tensor = try tensor(name, entry, in: bytes[start...])
      placed.append((entry.dataOffsets[0], tensor))
    }
    // Empty ones before others at the same place, and all in an order of their own.
    placed.sort {
      ($0.begin, $0.tensor.values.count, $0.tensor.name)
        < ($1.begin, $1.tensor.values.count, $1.tensor.name)
    }
    // The format allows neither overlaps nor bytes that belong to nobody.
    var end = 0
    for (begin, tensor) in placed {
      guard begin == end else {
        throw notOne("tensor '\(tensor.name.excerpt)' does not begin where the one before it ends")
      }
      end += tensor.values.count * 4
    }
    guard end == bytes.count - start else {
      throw notOne("its last \(bytes.count - start - end) bytes belong to no tensor")
    }
    return (placed.map(\.tensor), header.metadata)
  }

  private static func tensor(
    _ name: String, _ entry: Entry, in data: ArraySlice<UInt8>
  ) throws -> Tensor {
    guard entry.dtype == "F32" else {
      throw CifarError(
        .unsupported,
        "tensor '\(name.excerpt)' is \(entry.dtype.excerpt); only F32 (float32) can be read")
    }
    var count = 1
    for dimension in entry.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow, product <= data.count else {
        throw notOne(
          "the shape \("\(entry.shape)".excerpt) of tensor '\(name.excerpt)' is larger than the file"
        )
      }
      count = product
    }
    guard entry.dataOffsets.count == 2, entry.dataOffsets[0] >= 0,
      entry.dataOffsets[1] >= entry.dataOffsets[0], entry.dataOffsets[1] <= data.count,
      entry.dataOffsets[1] - entry.dataOffsets[0] == count * 4
    else {
      throw notOne("tensor '\(name.excerpt)' does not lie where its header says")
    }
    let first = data.startIndex + entry.dataOffsets[0]
    // Swift writes the count of an empty array into the one that all empty arrays are.
    if count == 0 { return Tensor(name: name, shape: entry.shape, values: []) }
    let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      data[first..<(first + count * 4)].withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
      }
      filled = count
    }
    return Tensor(name: name, shape: entry.shape, values: values)
  }

  private static func notOne(_ reason: String) -> CifarError {
    CifarError(.badData, "not a safetensors file: \(reason)")
  }
}

private struct Entry: Codable {
  var dtype: String
  var shape: [Int]
  var dataOffsets: [Int]

  enum CodingKeys: String, CodingKey {
    case dtype, shape
    case dataOffsets = "data_offsets"
  }
}

private struct Header: Codable {
  var metadata: [String: String]
  var entries: [String: Entry]

  init(metadata: [String: String], entries: [String: Entry]) {
    self.metadata = metadata
    self.entries = entries
  }

  private struct Name: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
    static let metadata = Name(stringValue: "__metadata__")
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Name.self)
    metadata = [:]
    entries = [:]
    for key in values.allKeys {
      if key.stringValue == Name.metadata.stringValue {
        metadata = try values.decode([String: String].self, forKey: key)
      } else {
        entries[key.stringValue] = try values.decode(Entry.self, forKey: key)
      }
    }
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Name.self)
    if !metadata.isEmpty { try values.encode(metadata, forKey: .metadata) }
    for (name, entry) in entries { try values.encode(entry, forKey: Name(stringValue: name)) }
  }
}
