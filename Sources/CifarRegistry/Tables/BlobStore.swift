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

  /// Calls `receive` with every chunk in order, and compares the hash at the end.
  ///
  /// - Parameters:
  ///   - owner: whose bytes they are, for the message.
  ///   - begin: gets the number of bytes that are stored, before the first chunk. It is what the
  ///     chunks really have; what the table says has been compared with it.
  /// - Throws: `checksumMismatch` if the bytes are not those that were stored.
  static func read(
    _ blob: Int64, of owner: String, in connection: Connection, begin: (Int) -> Void = { _ in },
    _ receive: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let damaged = CifarError(
      .checksumMismatch,
      "\(owner) in \(connection.path) is damaged: its bytes do not have the hash they were stored "
        + "with; use another checkpoint")
    guard let stored = try size(of: blob, in: connection) else { throw damaged }
    let hash = try connection.first(
      "SELECT id, sha256, size FROM blobs WHERE id = ?", [.integer(blob)], of: .blobs
    ) { row in
      guard case .integer(Int64(stored)) = try row.value("size") else { throw damaged }
      guard case .text(let hash) = try row.value("sha256") else { throw damaged }
      return hash
    }
    guard let hash else { throw damaged }
    begin(stored)
    var sum = SHA256()
    let statement = try Statement(
      connection, "SELECT data FROM blob_chunks WHERE blob = ? ORDER BY number")
    try statement.bind([.integer(blob)])
    while try statement.step() {
      let chunk = statement.blob(0)
      sum.update(chunk)
      try receive(chunk)
    }
    guard hash == sum.hexadecimal() else { throw damaged }
  }

  /// The bytes that the chunks of a blob have; nil for more than the file has.
  static func size(of blob: Int64, in connection: Connection) throws -> Int? {
    let pages = try connection.integer("PRAGMA page_count") ?? 0
    let page = try connection.integer("PRAGMA page_size") ?? 0
    // `total` is a double, that does not overflow.
    let stored = try connection.first(
      "SELECT total(length(data)) AS size FROM blob_chunks WHERE blob = ?", [.integer(blob)],
      of: .blobs
    ) { try $0.number("size") }
    guard let stored, let stored, stored <= Double(pages) * Double(page) else { return nil }
    return Int(exactly: stored)
  }

  /// Deletes those of `blobs` that nothing refers to any more.
  @discardableResult
  static func deleteUnused(_ blobs: [Int64], in connection: Connection) throws -> Int {
    try Set(blobs).sorted().reduce(0) { count, blob in
      count
        + (try connection.run(
          "DELETE FROM blobs WHERE id = ? AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE blob = ?)",
          [.integer(blob), .integer(blob)]))
    }
  }

  /// Deletes the next blob that nothing refers to, or a chunk of it.
  ///
  /// - Parameter last: where the search stands, at first `Int64.min`.
  /// - Returns: whether there may be more.
  static func deleteUnused(after last: inout Int64, in connection: Connection) throws -> Bool {
    let unused = try connection.integer(
      """
      SELECT id FROM blobs WHERE id > ?
        AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE blob = blobs.id) ORDER BY id LIMIT 1
      """, [.integer(last)])
    guard let unused else { return false }
    let blob = SQLValue.integer(unused)
    let chunks = try connection.integer(
      "SELECT count(*) FROM (SELECT 1 FROM blob_chunks WHERE blob = ? LIMIT 2)", [blob])
    if chunks ?? 0 > 1 {
      // Bytes that are gone in part must not be found by their hash, which a blob that is half
      // deleted therefore loses.
      try connection.run(
        "UPDATE blobs SET sha256 = printf('%064d', id) WHERE id = ? AND sha256 <> printf('%064d', id)",
        [blob])
      try connection.run(
        """
        DELETE FROM blob_chunks WHERE blob = ?1
          AND number = (SELECT max(number) FROM blob_chunks WHERE blob = ?1)
        """, [blob])
      return true
    }
    try connection.run("DELETE FROM blobs WHERE id = ?", [blob])
    last = unused
    return true
  }
}
