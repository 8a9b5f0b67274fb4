import CSQLite
import CifarCore

/// What can be said about a registry without reading its checkpoints.
public struct RegistryFacts: Sendable, Equatable {
  public var sqliteVersion: String
  public var schema: Int
  /// Of the file: hard links.
  public var names: Int
  public var bytes: Int
  /// Of pages that nothing uses.
  public var freeBytes: Int
  public var checkpointBytes: Int
  public var largestCheckpoint: Int
  /// Runs that are not in the trash, and of these the running and the crashed ones.
  public var runs: Int
  public var running: Int
  public var crashed: Int
  /// The id of the newest run that crashed; nil without any.
  public var lastCrashed: String?
  public var trash: Int
  /// "ok", or what SQLite found first in the tables of checkpoints, blobs, texts and tags.
  public var quickCheck: String
}

extension Registry {
  public func facts() throws -> RegistryFacts {
    try reading { connection in
      func number(_ sql: String) throws -> Int { Int(try connection.integer(sql) ?? 0) }
      let page = try number("PRAGMA page_size")
      let bytes = try number("PRAGMA page_count") * page
      // An illegal size counts nothing, and a sum of doubles does not overflow.
      func size(_ sum: String) throws -> Int {
        let found = try connection.first(
          "SELECT \(sum) AS size FROM blobs WHERE size BETWEEN 0 AND ?", [.integer(bytes)],
          of: .blobs
        ) { try $0.number("size") }
        return min(bytes, Int(exactly: (found ?? 0) ?? 0) ?? 0)
      }
      let liveness = try Liveness(in: connection)
      let present = "FROM runs r WHERE r.trashed IS NULL"
      let statuses = try connection.rows(
        "SELECT min(r.id) AS id, r.uuid, \(liveness.status) AS status, count(*) AS count "
          + "\(present) GROUP BY 3", of: .runs
      ) { (status: try $0.text("status"), count: try $0.count("count")) }
      func count(_ status: RunStatus) -> Int {
        statuses.first { $0.status == status.rawValue }?.count ?? 0
      }
      return RegistryFacts(
        sqliteVersion: String(cString: sqlite3_libversion()),
        schema: try number("PRAGMA user_version"), names: DatabasePath.names(of: path),
        bytes: bytes,
        freeBytes: try number("PRAGMA freelist_count") * page,
        checkpointBytes: try size("total(size)"), largestCheckpoint: try size("max(size)"),
        runs: statuses.reduce(0) { $0 + $1.count }, running: count(.running),
        crashed: count(.crashed),
        lastCrashed: try connection.first(
          "SELECT id, uuid \(present) AND \(liveness.status) = 'crashed' ORDER BY id DESC LIMIT 1",
          of: .runs
        ) { try $0.text("uuid") }
        .flatMap { UUIDText.isValid($0) ? $0 : nil },
        trash: try number("SELECT count(*) FROM runs WHERE trashed IS NOT NULL"),
        quickCheck: try Registry.quickCheck(connection))
    }
  }

  /// Runs, sessions, epochs and the bytes of checkpoints are left to `verify`: they are nearly all of
  /// the file.
  private static func quickCheck(_ connection: Connection) throws -> String {
    for table in ["checkpoints", "blobs", "texts", "tags"] {
      let found = try connection.first("PRAGMA quick_check(\(table))") { $0.text(0) } ?? ""
      if found != "ok" { return found }
    }
    return "ok"
  }
}
