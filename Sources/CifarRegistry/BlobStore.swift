import CifarCore

/// Bytes by their hash. Equal bytes are stored once; a blob goes with the last checkpoint that
/// refers to it.
enum BlobStore {
  /// Large enough to write fast, small enough to read a blob of any size in little memory. SQLite
  /// itself ends at 10⁹ bytes a value.
  static let chunkSize = 1 << 20

  /// - Parameter sha256: the hash of `bytes`, computed by the caller before it took any lock.
  /// - Returns: the blob's key.
  static func insert(_ bytes: [UInt8], sha256: String, in connection: Connection) throws -> Int64 {
    let known = try connection.integer(
      "SELECT id FROM blobs WHERE sha256 = ? AND size = ?", [.text(sha256), .integer(bytes.count)])
    if let known { return known }
    try connection.run(
      "INSERT INTO blobs (sha256, size) VALUES (?, ?)", [.text(sha256), .integer(bytes.count)])
    let blob = connection.lastInsertedID
    let statement = try Statement(
      connection, "INSERT INTO blob_chunks (blob, number, data) VALUES (?, ?, ?)")
    try bytes.withUnsafeBytes { whole in
      for (number, start) in stride(from: 0, to: whole.count, by: chunkSize).enumerated() {
        let chunk = whole[start..<min(start + chunkSize, whole.count)]
        try statement.bind([
          .integer(blob), .integer(number), .blob(UnsafeRawBufferPointer(rebasing: chunk)),
        ])
        while try statement.step() {}
        statement.reset()
      }
    }
    return blob
  }

  /// Calls `receive` with every piece in order, and compares the hash at the end.
  /// - Parameter owner: whose bytes they are, for the message.
  /// - Throws: `checksumMismatch` if the bytes are not those that were stored.
  static func read(
    _ blob: Int64, of owner: String, in connection: Connection,
    _ receive: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let entry = try connection.first(
      "SELECT sha256, size FROM blobs WHERE id = ?", [.integer(blob)]
    ) { (sha256: $0.text(0), size: $0.int(1)) }
    var hash = SHA256()
    var size = 0
    let statement = try Statement(
      connection, "SELECT data FROM blob_chunks WHERE blob = ? ORDER BY number")
    try statement.bind([.integer(blob)])
    while try statement.step() {
      let chunk = statement.blob(0)
      hash.update(chunk)
      size += chunk.count
      try receive(chunk)
    }
    guard let entry, entry.size == size, entry.sha256 == hash.hexadecimal() else {
      throw CifarError(
        .checksumMismatch,
        "\(owner) in \(connection.path) is damaged: its bytes do not have the "
          + "hash they were stored with; use another checkpoint")
    }
  }

  /// - Returns: whether the bytes are still those that were stored.
  static func isWhole(_ blob: Int64, in connection: Connection) throws -> Bool {
    do {
      try read(blob, of: "", in: connection) { _ in }
      return true
    } catch let error as CifarError where error.code == .checksumMismatch { return false }
  }

  /// Deletes those of `blobs` that nothing refers to any more.
  static func deleteUnused(_ blobs: [Int64], in connection: Connection) throws {
    for blob in Set(blobs).sorted() {
      try connection.run(
        "DELETE FROM blobs WHERE id = ? AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE blob = ?)",
        [.integer(blob), .integer(blob)])
    }
  }
}
