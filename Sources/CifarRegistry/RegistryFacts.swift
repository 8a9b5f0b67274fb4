import CSQLite
import CifarCore

/// What can be said about a registry without reading its checkpoints.
public struct RegistryFacts: Sendable, Equatable {
  public var sqliteVersion: String
  public var schema: Int
  public var bytes: Int
  /// Of pages that nothing uses.
  public var freeBytes: Int
  public var checkpointBytes: Int
  public var largestCheckpoint: Int
  /// "ok", or what SQLite found first.
  public var quickCheck: String
}

extension Registry {
  public func facts() throws -> RegistryFacts {
    try reading { connection in
      func number(_ sql: String) throws -> Int { Int(try connection.integer(sql) ?? 0) }
      // What the pieces really have, whatever the table of blobs says.
      let blobs = "(SELECT sum(length(data)) AS size FROM blob_chunks GROUP BY blob)"
      let page = try number("PRAGMA page_size")
      return RegistryFacts(
        sqliteVersion: String(cString: sqlite3_libversion()),
        schema: try number("PRAGMA user_version"), bytes: try number("PRAGMA page_count") * page,
        freeBytes: try number("PRAGMA freelist_count") * page,
        checkpointBytes: try number("SELECT sum(size) FROM \(blobs)"),
        largestCheckpoint: try number("SELECT max(size) FROM \(blobs)"),
        quickCheck: try connection.first("PRAGMA quick_check(1)", [], { $0.text(0) }) ?? "")
    }
  }
}
