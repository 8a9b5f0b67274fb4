import CSQLite
import CifarCore
import Glibc
import Synchronization

/// The record of all runs, in one SQLite file.
///
/// Any number of processes may read and write one file at the same time. An object may be used
/// from any thread; its calls take turns.
public final class Registry: @unchecked Sendable {
  public enum Mode: Sendable, Equatable {
    /// For queries. The file must exist.
    case readOnly
    /// For recording.
    case readWrite(create: Bool)
  }

  /// The file, as it was named.
  public let path: String
  public let mode: Mode
  /// How long a call waits for other processes, in seconds.
  let busyTimeout: Double
  private let connection: Connection
  private let lock = Mutex<Void>(())

  /// `$CIFAR_REGISTRY`, or `./cifar-runs.db` where that is not set.
  /// - Throws: `invalidArgument` where that is not UTF-8.
  public static func defaultPath() throws -> String {
    try EnvironmentVariable.registry.text() ?? "cifar-runs.db"
  }

  /// Opens a registry, creates it, or brings an older one to the present schema (a copy of the old
  /// file stays beside it).
  ///
  /// - Parameter busyTimeout: how long a call waits for other processes, in seconds.
  /// - Throws: `notFound` if there is no file (or no directory) and none may be created,
  ///   `foreignDatabase` for a file that is something else (it stays untouched), `newerDatabase`,
  ///   `busy`, `diskFull`, `io`, `badData`.
  public convenience init(path: String, mode: Mode, busyTimeout: Double = 30) throws {
    try self.init(path: path, mode: mode, busyTimeout: busyTimeout, migrations: .all)
  }

  /// The registry at `path` for queries; nil where no run was ever recorded: there is no file, or an
  /// empty one, as a process leaves it for a moment that is making the registry.
  ///
  /// - Throws: as `init`.
  public static func existing(at path: String) throws -> Registry? {
    guard try DatabasePath.examine(path) == .registry else { return nil }
    return try Registry(path: path, mode: .readOnly)
  }

  init(path: String, mode: Mode, busyTimeout: Double, migrations: Migrations) throws {
    self.path = path
    self.mode = mode
    self.busyTimeout = busyTimeout
    try Registry.checkLibrary()
    try Registry.checkPresence(path, mode)
    // SQLite opens a file that cannot be written for reading; asking for more even where only
    // queries follow lets a reader play back the journal of a writer that was killed.
    let create = mode == .readWrite(create: true) ? SQLITE_OPEN_CREATE : 0
    connection = try Connection(
      opening: DatabasePath.literal(path), path: path, flags: SQLITE_OPEN_READWRITE | create,
      timeout: busyTimeout)
    if connection.isWAL { try Registry.leaveWAL(path, busyTimeout) }
    try refuseImpostors()
    if mode != .readOnly {
      try prepareForWriting(migrations, busyTimeout)
      return
    }
    if try migrations.mustMigrateToRead(connection) {
      // An older file is brought to the present schema by whoever opens it first, readers too: the
      // queries know one schema only.
      do {
        try prepareForWriting(migrations, busyTimeout)
      } catch let error as CifarError where error.code == .io {
        throw CifarError(
          .unsupported,
          "\(path) has an older schema and cannot be brought to the present one where it is; copy "
            + "it to a place that can be written (\(error.message))")
      }
    }
    try connection.execute("PRAGMA query_only = ON")
  }

  private func prepareForWriting(_ migrations: Migrations, _ busyTimeout: Double) throws {
    if sqlite3_db_readonly(connection.handle, "main") == 1 {
      throw CifarError(
        .io, "\(path) cannot be written; check the permissions of the file and of its directory")
    }
    let names = DatabasePath.names(of: path)
    if names > 1 {
      Log.write(
        .warning,
        "\(path) has \(names) names (hard links): who opens it by another while it is in use damages "
          + "it; remove the others")
    }
    try migrations.refuseNewer(connection)
    // Freed pages are used again by the next checkpoint, and can be given back in small steps
    // without rewriting the file. Large pages: a checkpoint of 21 MB is written in half the time
    // that pages of 4 KB need. Only a new file can be set so, and setting an old one again would
    // write to it at every opening.
    if try connection.integer("PRAGMA page_count") == 0 {
      try connection.execute("PRAGMA page_size = 16384")
      try connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    }
    // The rollback journal, not WAL. SQLite before 3.51.3 (Debian 12 has 3.40) can corrupt a WAL
    // file when two processes reset the log at the same moment, and several trainers on one file
    // are just that case. Besides, checkpoints would be written twice (log, then file), and a
    // registry would be three files, useless when only one is copied. The price is that a commit
    // waits for readers and readers for a commit, some milliseconds that the timeout absorbs.
    try connection.execute("PRAGMA journal_mode = DELETE")
    // Also syncs the directory after the journal is deleted: what was committed survives a power
    // cut. One more sync an epoch.
    try connection.execute("PRAGMA synchronous = EXTRA")
    // Debian's SQLite overwrites deleted content with zeros: that would write every pruned
    // checkpoint a second time.
    try connection.execute("PRAGMA secure_delete = OFF")
    // A checkpoint of the usual size stays in memory until the commit. Otherwise pages spill into
    // the file early, which locks readers out from then on.
    try connection.execute("PRAGMA cache_size = -32768")
    // Before foreign keys are enforced: a migration may have to rebuild a parent table.
    let backup = try migrations.apply(to: connection, timeout: busyTimeout)
    if let backup {
      Log.write(.info, "\(path) was brought to a new schema; the old file is kept as \(backup)")
    }
    try connection.execute("PRAGMA foreign_keys = ON")
    if let obstacle = try SchemaCheck.obstacle(in: connection) {
      throw CifarError(
        .badData,
        "\(path) has an index '\(obstacle.name.excerpt)' on \(obstacle.table) that is not the "
          + "library's and can make writing fail; take it away with: sqlite3 '\(path)' "
          + "'\(obstacle.dropped)'")
    }
  }

  static let tables = [
    "runs", "sessions", "epochs", "blobs", "blob_chunks", "checkpoints",
    "tags", "notes", "meta", "texts", "metrics", "evaluations", "predictions",
  ]

  /// A registry may come from anywhere: no view, whose query may never end, and no virtual table
  /// takes a table's place. Tables and views of other names are left alone; `verify` names
  /// them.
  private func refuseImpostors() throws {
    let names = Registry.tables.map { "'\($0)'" }.joined(separator: ", ")
    let impostor = try connection.first(
      """
      SELECT name, CASE type WHEN 'table' THEN 'virtual table' ELSE type END FROM sqlite_schema
      WHERE (type <> 'table' OR coalesce(rootpage, 0) = 0) AND name COLLATE NOCASE IN (\(names))
      """
    ) { (name: $0.text(0), kind: $0.text(1)) }
    if let impostor {
      throw CifarError(
        .badData,
        "\(path) has a \(impostor.kind.excerpt) '\(impostor.name.excerpt)' in the place of a table; "
          + "restore a backup")
    }
  }

  /// Someone's tool has switched the file to WAL: back to the rollback journal, see below for why.
  private static func leaveWAL(_ path: String, _ busyTimeout: Double) throws {
    do {
      let connection = try Connection(
        opening: DatabasePath.literal(path), path: path, flags: SQLITE_OPEN_READWRITE,
        timeout: busyTimeout, fileSystem: "unix")
      let mode = try connection.first("PRAGMA journal_mode = DELETE", []) { $0.text(0) }
      guard mode == "delete" else { throw CifarError(.busy, "another program has it open") }
    } catch let error as CifarError {
      throw CifarError(
        error.code,
        "\(path) is in WAL mode and cannot be switched back (\(error.message)); close the program "
          + "that uses it, then run: sqlite3 '\(path)' 'PRAGMA journal_mode = DELETE'")
    }
  }

  private static func checkLibrary() throws {
    guard sqlite3_libversion_number() >= 3_037_000, sqlite3_threadsafe() != 0 else {
      throw CifarError(
        .unsupported,
        "the system's SQLite is \(String(cString: sqlite3_libversion())); the run "
          + "registry needs 3.37 or newer, built for threads")
    }
  }

  static func checkPresence(_ path: String, _ mode: Mode) throws {
    let content = try DatabasePath.examine(path)
    let literal = try DatabasePath.literal(path)
    if content == .registry || mode == .readWrite(create: true) {
      try DatabaseCompanion.check(beside: literal, named: path)
    }
    if mode == .readWrite(create: true) {
      if content != .registry { try DatabaseCompanion.refuse(literal, for: "a registry") }
      let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      let directory = path.hasPrefix("/") && parts.count == 1 ? "/" : parts.joined(separator: "/")
      if content == .nothing, !directory.isEmpty, access(directory, F_OK) != 0 {
        throw CifarError(
          .notFound, "there is no directory \(directory) for the registry; create it first")
      }
      return
    }
    switch content {
    case .nothing:
      throw CifarError(
        .notFound, "there is no run registry at \(path); name another file, or train first")
    case .empty: throw CifarError(.notFound, "\(path) is empty: no run was ever recorded in it")
    case .registry: return
    }
  }

  /// - Parameter seconds: how long each call waits for other processes from now on.
  public func setBusyTimeout(_ seconds: Double) throws {
    try locked { $0.setBusyTimeout(seconds) }
  }

  /// Who else has the file locked, as a message names them; nil if nobody has, or the system does
  /// not tell.
  public var holder: String? { try? locked { $0.holder } }

  /// Gives `body` exclusive use of the connection.
  func locked<Result: Sendable>(_ body: (Connection) throws -> Result) throws -> Result {
    try connection.checkProcess()
    return try lock.withLock { _ in try body(connection) }
  }

  /// Runs `body` in one transaction on what is in the file.
  func reading<Result: Sendable>(_ body: (Connection) throws -> Result) throws -> Result {
    try locked { connection in try connection.transaction(.read) { try body(connection) } }
  }

  /// Runs `body` in one transaction that lands whole or not at all.
  func writing<Result: Sendable>(_ body: (Connection) throws -> Result) throws -> Result {
    if mode == .readOnly {
      throw CifarError(.invalidState, "\(path) was opened for reading only")
    }
    return try locked { connection in try connection.transaction(.write) { try body(connection) } }
  }
}
