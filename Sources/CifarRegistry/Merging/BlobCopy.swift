import CifarCore

/// Where something is read that may change between two readings.
protocol ReadableRegistry {
  func reading<Result: Sendable>(_ body: (Connection) throws -> Result) throws -> Result
}

extension Registry: ReadableRegistry {}

/// A registry that is held for reading: nothing changes.
struct HeldRegistry: ReadableRegistry {
  let connection: Connection

  func reading<Result: Sendable>(_ body: (Connection) throws -> Result) throws -> Result {
    try body(connection)
  }
}

/// Copies the bytes of a checkpoint into another file, in pieces: the source is held while some
/// megabytes are read, so that a training there can go on.
struct BlobCopy: Sendable {
  /// For messages.
  var checkpoint: Int64
  var blob: Int64

  private static let chunksAtOnce = 8
  /// More than a chunk of any library; a longer one is damage, and not loaded.
  private static let longestChunk = 64 << 20

  /// - Returns: the new blob's key; nil for a blob that is gone: its checkpoint was pruned meanwhile.
  /// - Throws: `checksumMismatch` for bytes that are not those that were stored.
  func run(from source: some ReadableRegistry, to target: Connection) throws -> Int64? {
    let content = try source.reading { connection in
      try connection.first(
        "SELECT id, sha256, size FROM blobs WHERE id = ?", [.integer(blob)], of: .blobs
      ) {
        (sha256: try $0.text("sha256"), size: try $0.count("size", in: 0...Limits.bytes))
      }
    }
    guard let content else { return nil }
    try target.run(
      "INSERT INTO blobs (sha256, size) VALUES (?, ?)",
      [.text(content.sha256), .integer(content.size)])
    let copy = target.lastInsertedID
    var sum = SHA256()
    var size = 0
    var number = 0
    var last = Int64.min
    while true {
      let (chunks, end) = try source.reading { try next(after: last, in: $0) }
      if chunks.isEmpty { break }
      for chunk in chunks {
        try chunk.withUnsafeBytes { bytes in
          sum.update(bytes)
          _ = try target.run(
            "INSERT INTO blob_chunks (blob, number, data) VALUES (?, ?, ?)",
            [.integer(copy), .integer(number), .blob(bytes)])
        }
        size += chunk.count
        number += 1
      }
      last = end
      if size > content.size { break }
    }
    guard size == content.size, sum.hexadecimal() == content.sha256 else {
      let isThere = try source.reading {
        try $0.integer(
          "SELECT 1 FROM blobs WHERE id = ? AND sha256 = ?",
          [.integer(blob), .text(content.sha256)])
      }
      if isThere == nil {
        try target.run("DELETE FROM blobs WHERE id = ?", [.integer(copy)])
        return nil
      }
      let path = try source.reading { $0.path }
      throw CifarError(
        .checksumMismatch,
        "checkpoint \(checkpoint) in \(path) is damaged: its bytes do not have the hash they "
          + "were stored with; cifar-runs verify tells what else is")
    }
    return copy
  }

  private func next(
    after last: Int64, in connection: Connection
  ) throws -> (chunks: [[UInt8]], end: Int64) {
    let rows = try connection.rows(
      """
      SELECT number, data FROM blob_chunks WHERE blob = ? AND number > ?
        AND length(data) <= \(BlobCopy.longestChunk) ORDER BY number LIMIT \(BlobCopy.chunksAtOnce)
      """, [.integer(blob), .integer(last)]
    ) { (number: $0.integer(0), bytes: Array($0.blob(1))) }
    return (rows.map(\.bytes), rows.last?.number ?? last)
  }
}
