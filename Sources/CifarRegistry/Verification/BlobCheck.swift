import CifarCore

/// Whether a checkpoint's bytes are those that were stored, read in chunks: the lock is held while
/// some megabytes are copied, not while they are hashed.
struct BlobCheck {
  var checkpoint: Int64
  var blob: Int64

  /// Chunks of 1 MiB that are read at once.
  private static let chunksAtOnce = 8
  /// More than a chunk of any library; a longer one is damage, and not loaded.
  private static let longestChunk = 64 << 20

  private enum Answer: Sendable {
    case bytes([UInt8], last: Int64)
    case end
    /// A writer pruned it meanwhile.
    case gone
    case damaged
  }

  /// - Returns: false for damage.
  func run(in registry: Registry) throws -> Bool {
    do {
      return try isWhole(in: registry)
    } catch let error as CifarError where error.code == .badData { return false }
  }

  private func isWhole(in registry: Registry) throws -> Bool {
    let start = try registry.reading { connection -> (hash: String, size: Int)? in
      guard try isStored(in: connection), let size = try BlobStore.size(of: blob, in: connection)
      else { return nil }
      let row = try connection.first(
        "SELECT id, sha256, size FROM blobs WHERE id = ?", [.integer(blob)], of: .blobs
      ) { (hash: try $0.value("sha256"), size: try $0.value("size")) }
      guard case (.text(let hash), .integer(Int64(size)))? = row else { return nil }
      return (hash, size)
    }
    guard let start else { return try !registry.reading { try isStored(in: $0) } }
    var sum = SHA256()
    var last: Int64 = .min
    while true {
      switch try registry.reading({ try next(after: last, hash: start.hash, in: $0) }) {
      case .bytes(let bytes, let end):
        bytes.withUnsafeBytes { sum.update($0) }
        last = end
      case .end: return sum.hexadecimal() == start.hash
      case .gone: return true
      case .damaged: return false
      }
    }
  }

  private func isStored(in connection: Connection) throws -> Bool {
    try connection.integer(
      "SELECT 1 FROM checkpoints WHERE id = ? AND coalesce(blob, -1) = ?",
      [.integer(checkpoint), .integer(blob)]) != nil
  }

  private func next(
    after last: Int64, hash: String, in connection: Connection
  ) throws -> Answer {
    let isSame = "SELECT 1 FROM blobs WHERE id = ? AND sha256 = ?"
    guard try connection.integer(isSame, [.integer(blob), .text(hash)]) != nil else {
      return try isStored(in: connection) ? .damaged : .gone
    }
    let statement = try Statement(
      connection,
      """
      SELECT number, CASE WHEN length(data) <= \(BlobCheck.longestChunk) THEN data END
      FROM blob_chunks WHERE blob = ? AND number > ? ORDER BY number LIMIT \(BlobCheck.chunksAtOnce)
      """)
    try statement.bind([.integer(blob), .integer(last)])
    var bytes: [UInt8] = []
    var end = last
    while try statement.step() {
      guard !statement.isNull(1), statement.integer(0) > end else { return .damaged }
      try bytes.append(securedContentsOf: statement.blob(1), of: "the bytes of a checkpoint")
      end = statement.integer(0)
    }
    return end == last ? .end : .bytes(bytes, last: end)
  }
}
