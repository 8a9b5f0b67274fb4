import CSQLite
import CifarCore
import Glibc

/// One step of the schema: `version` is what `user_version` says once it is done.
struct Migration: Sendable {
  var version: Int64
  /// What it brought, for messages.
  var name: String
  var sql: String
  /// Examines what is there before anything is done, and throws what is in the way.
  var check: (@Sendable (Connection) throws -> Void)?

  init(
    version: Int64, name: String = "", sql: String,
    check: (@Sendable (Connection) throws -> Void)? = nil
  ) {
    self.version = version
    self.name = name
    self.sql = sql
    self.check = check
  }
}

/// Brings a file to the schema that this library writes.
struct Migrations: Sendable {
  /// "CIFR". `file` and other tools find it at byte 68 of the file.
  static let applicationID: Int64 = 0x4349_4652

  /// Every schema there was, oldest first. A step is never changed: files exist that went
  /// through it.
  static let all = Migrations(steps: [
    Migration(version: 1, name: "runs, epochs, checkpoints", sql: Schema1.sql),
    Migration(version: 2, name: "shared texts, summaries, metrics, trash", sql: Schema2.sql),
    Migration(
      version: 3, name: "number ranges, superseded rows, prediction kinds, views", sql: Schema3.sql,
      check: Schema3.check),
    Migration(version: 4, name: "images of any shape", sql: Schema4.sql),
    Migration(version: 5, name: "groups of runs", sql: Schema5.sql),
    Migration(
      version: 6, name: "what sessions ran in, checkpoints of weights only", sql: Schema6.sql),
    Migration(
      version: 7, name: "the name of the final weights' accuracy", sql: Schema7.sql),
    Migration(version: 8, name: "epochs that are trained in part", sql: Schema8.sql),
  ])

  /// With versions that rise by one from 1.
  let steps: [Migration]

  var newest: Int64 { steps.last?.version ?? 0 }

  /// Does what is missing, in one transaction: a file is at the old version or at the new one.
  ///
  /// Of several processes that open an old file at once, one does the work; the others wait for its
  /// lock and then find nothing left to do. A file with rows in it is copied first.
  /// - Returns: where the copy of the old file lies, if one was made.
  @discardableResult
  func apply(to connection: Connection, timeout: Double) throws -> String? {
    if try version(of: connection) == newest { return nil }
    var copy: (name: String, version: Int64)?
    do {
      return try connection.transaction(.write) {
        try migrate(connection, timeout) { copy = ($0, $1) }
      }
    } catch {
      // A file that stayed as it was needs no copy.
      if let copy, (try? version(of: connection)) == copy.version { unlink(copy.name) }
      throw error
    }
  }

  /// - Parameter copied: gets the name of a new copy, and the old version.
  private func migrate(
    _ connection: Connection, _ timeout: Double, copied: (String, Int64) -> Void
  ) throws -> String? {
    // Another process may have been here between the look above and the lock.
    let old = try version(of: connection)
    if old == newest { return nil }
    if old > newest { throw tooNew(connection.path, old) }
    let first = "\(connection.path).schema\(old).backup"
    // Before anything changes; it has no name until all has.
    let copy =
      old > 0 ? try Migrations.copy(of: connection.path, named: first, timeout: timeout) : nil
    for step in steps where step.version > old {
      do {
        try step.check?(connection)
        try connection.execute(step.sql)
      } catch let error as CifarError {
        if old == 0 {
          throw CifarError(
            error.code, "the registry \(connection.path) cannot be created: \(error.message)")
        }
        throw CifarError(
          error.code,
          "\(connection.path) cannot be brought to schema \(step.version) (\(step.name)) and "
            + "stays as it was: \(error.message)")
      }
    }
    try connection.execute("PRAGMA application_id = \(Migrations.applicationID)")
    try connection.execute("PRAGMA user_version = \(newest)")
    if try !connection.rows("PRAGMA foreign_key_check", [], { _ in () }).isEmpty {
      throw CifarError(.badData, "\(connection.path) holds rows whose parents are missing")
    }
    return try copy.map { copy in
      if let same = Migrations.same(as: copy, among: first) { return same }
      let name = try Migrations.name(copy, first)
      copied(name, old)
      return name
    }
  }

  /// - Throws: `newerDatabase`.
  func refuseNewer(_ connection: Connection) throws {
    let version = try version(of: connection)
    if version > newest { throw tooNew(connection.path, version) }
  }

  /// Whether the file must be brought to the present schema before it can be read.
  ///
  /// A newer file is read as it is where it says that this library can.
  /// - Throws: `newerDatabase`.
  func mustMigrateToRead(_ connection: Connection) throws -> Bool {
    let version = try version(of: connection)
    if version > newest {
      let hasMeta = "SELECT 1 FROM sqlite_schema WHERE name = 'meta'"
      guard try connection.integer(hasMeta) == 1,
        let oldest = try connection.integer("SELECT value FROM meta WHERE key = 'readable_by'"),
        oldest <= newest
      else { throw tooNew(connection.path, version) }
    }
    return version < newest
  }

  /// The schema's version; 0 for a file that holds nothing yet.
  private func version(of connection: Connection) throws -> Int64 {
    guard try DatabasePath.content(of: connection) == .registry else { return 0 }
    return try connection.integer("PRAGMA user_version") ?? 0
  }

  private func tooNew(_ path: String, _ version: Int64) -> CifarError {
    CifarError(
      .newerDatabase,
      "\(path) was written by a newer version of the library (schema \(version), "
        + "this one knows \(newest)); install that version, or give another path")
  }

  /// Copies the file through SQLite, for now under a name of its own.
  ///
  /// The caller holds the write lock, so nothing changes meanwhile; the copy reads through a
  /// connection of its own, which the lock allows.
  private static func copy(
    of path: String, named first: String, timeout: Double
  ) throws -> TemporaryFile {
    let file = try TemporaryFile(for: DatabasePath.literal(first))
    try copy(path, to: file.path, named: first, timeout: timeout)
    return file
  }

  private static func names(_ first: String) -> [String] {
    (1...1000).map { $0 == 1 ? first : "\(first).\($0)" }
  }

  /// A copy that an attempt left whose process was killed.
  private static func same(as copy: TemporaryFile, among first: String) -> String? {
    let present = names(first).prefix { access($0, F_OK) == 0 }
    return present.first { File.areSame($0, copy.path) }
  }

  /// Gives a copy, whole and on the disk, its name. A file of that name that is there stays: the
  /// copy's name is numbered then.
  private static func name(_ copy: TemporaryFile, _ first: String) throws -> String {
    for name in names(first) where try copy.commit(as: name) { return name }
    throw CifarError(
      .io, "\(first) and its numbered names up to \(first).1000 are taken; move some away")
  }

  private static func copy(
    _ path: String, to place: String, named name: String, timeout: Double
  ) throws {
    let source = try Connection(
      opening: DatabasePath.literal(path), path: path, flags: SQLITE_OPEN_READONLY,
      timeout: timeout)
    let target = try Connection(
      opening: DatabasePath.literal(place), path: name,
      flags: SQLITE_OPEN_READWRITE, timeout: timeout)
    guard let copying = sqlite3_backup_init(target.handle, "main", source.handle, "main") else {
      try target.check(sqlite3_errcode(target.handle))
      throw CifarError(.database, "\(path) cannot be copied to \(name)")
    }
    sqlite3_backup_step(copying, -1)
    try target.check(sqlite3_backup_finish(copying))
  }
}
