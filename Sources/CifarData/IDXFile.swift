import CifarCore

/// A file of bytes in the IDX format: two zeros, the type 8, the number of dimensions, each of them as
/// a big-endian 32-bit number, then the bytes.
struct IDXFile {
  let path: String
  let dimensions: [Int]
  let bytes: ArraySlice<UInt8>

  /// Larger than any of them.
  private static let largest = 512 << 20

  /// - Throws: `notFound`, `io`; `badData` for anything else than such a file.
  init(_ path: String) throws {
    let content =
      path.hasSuffix(".gz")
      ? try Zlib.unpackedFile(path, atMost: IDXFile.largest)
      : try DataFile(path).bytes(atMost: IDXFile.largest)
    try self.init(content, path: path)
  }

  init(_ content: [UInt8], path: String) throws {
    func fault(_ text: String) -> CifarError {
      CifarError(.badData, "'\(path)' \(text); download it again")
    }
    guard content.count >= 8, content[0] == 0, content[1] == 0, content[2] == 8,
      (1...4).contains(content[3])
    else { throw fault("is no IDX file of bytes") }
    let start = 4 + 4 * Int(content[3])
    guard content.count >= start else { throw fault("is truncated in its header") }
    dimensions = stride(from: 4, to: start, by: 4).map { place in
      content[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
    }
    var size = 1
    for dimension in dimensions {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard !overflow, product <= IDXFile.largest else {
        throw fault("has dimensions \(dimensions)")
      }
      size = product
    }
    let expected = start + size
    guard content.count == expected else {
      throw fault(
        "is \(content.count < expected ? "truncated" : "too long"): \(content.count) bytes, not "
          + "\(expected)")
    }
    self.path = path
    bytes = content[start...]
  }
}
