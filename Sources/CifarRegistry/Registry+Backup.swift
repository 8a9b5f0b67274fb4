import CSQLite
import CifarCore
import Glibc

/// A copy of a registry in use.
extension Registry {
  /// What `backup` came to.
  public struct Backup: Sendable, Equatable {
    /// Of the copy.
    public var bytes: Int
    /// Runs in it, those in the trash included.
    public var runs: Int
    public var checkpoints: Int
    /// What is wrong with the copy, as `verify` says it; none but where that was allowed.
    public var problems: [String] = []
  }

  /// What a backup is written over: nothing but an empty file. It is a registry itself, and those are
  /// never replaced.
  private static let kind = FileKind("a backup of a registry") { _ in false }

  /// Writes a copy of the registry as it is at one moment, at any time, while others train.
  ///
  /// SQLite's online backup in steps that hold the lock for some 20 ms. A writer's commit makes the
  /// copy start over; after three such, it is made in one step, in which writers wait (some seconds
  /// for a file of some GB). The copy goes through all checks of `verify`, the SHA-256 of every
  /// checkpoint included, before it gets its name; where anything is wrong there is no copy. What
  /// others added (tables, views, triggers, indexes) is copied too, and named.
  /// - Parameters:
  ///   - target: the file to write. Links are followed.
  ///   - force: whether a file that holds something is replaced. A registry never is.
  ///   - damaged: whether a copy that is damaged, as its registry is, is written all the same.
  ///   - progress: gets the pages that were copied so far and how many there are.
  ///   - told: gets a sentence for each thing that others added, and for each problem where there are
  ///     several or the copy is written; nil writes them as warnings to the log.
  /// - Throws: `invalidArgument` for a target that is not to be replaced; `busy`; `diskFull`, `io`;
  ///   `checksumMismatch` where the copy, and so probably the registry, is damaged.
  @discardableResult
  public func backup(
    to target: String, force: Bool = false, damaged: Bool = false,
    progress: ((Int, Int) -> Void)? = nil, told: ((String) -> Void)? = nil
  ) throws -> Backup {
    // In a child of fork this says that the registry belongs to the parent.
    _ = try reading { try $0.integer("PRAGMA schema_version") }
    var result: Backup?
    try FileWriter.make(at: target, as: Registry.kind, force: force) { place in
      try copy(to: place, named: target, progress)
      let told = told ?? { line in Log.write(.warning, line) }
      result = try examine(place, named: target, damaged: damaged, told)
    }
    guard let result else { throw CifarError(.internal, "a backup was not examined") }
    return result
  }

  private func copy(
    to place: String, named name: String, _ progress: ((Int, Int) -> Void)?
  ) throws {
    let source = try Connection(
      opening: DatabasePath.literal(path), path: path, flags: SQLITE_OPEN_READWRITE,
      timeout: busyTimeout)
    let target = try Connection(
      opening: DatabasePath.literal(place), path: name, flags: SQLITE_OPEN_READWRITE,
      timeout: busyTimeout)
    // Nobody else knows the file, and it is synced as a whole before it gets its name.
    try target.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
    try OnlineCopy(from: source, to: target).run(patience: busyTimeout, progress)
  }

  /// Checks whether the copy is whole.
  private func examine(
    _ place: String, named name: String, damaged: Bool, _ told: (String) -> Void
  ) throws -> Backup {
    var backup = Backup(bytes: 0, runs: 0, checkpoints: 0)
    do {
      let copy = try Registry(path: place, mode: .readOnly, busyTimeout: busyTimeout)
      let strangers = try copy.strangers()
      for addition in strangers where addition.isAddition {
        told("\(addition.what); the copy has it too")
      }
      backup.problems = strangers.filter { !$0.isAddition }.map(\.sentence)
      backup.problems += try copy.damage(ofCheckpointsOf: nil, leftOut: told, progress: nil)
      try copy.count(into: &backup)
    } catch let error as CifarError where [.badData, .database].contains(error.code) {
      // What cannot be read at all.
      if backup.problems.isEmpty { backup.problems = [error.message] }
    }
    let count = backup.problems.count
    if damaged || count > 1 { backup.problems.forEach(told) }
    guard let first = backup.problems.first, !damaged else { return backup }
    let others = count == 1 ? "" : " (and \(count - 1) other problem\(count == 2 ? "" : "s"))"
    throw CifarError(
      .checksumMismatch,
      "'\(name)' was not written, as the copy of \(path) is not whole: \(first)\(others); "
        + "cifar-runs verify tells whether the registry itself is damaged, and cifar-runs backup "
        + "--damaged saves it as it is")
  }

  private func count(into backup: inout Backup) throws {
    (backup.bytes, backup.runs, backup.checkpoints) = try reading { connection in
      func number(_ sql: String) throws -> Int { Int(try connection.integer(sql) ?? 0) }
      return (
        try number("PRAGMA page_count") * (try number("PRAGMA page_size")),
        try number("SELECT count(*) FROM runs"), try number("SELECT count(*) FROM checkpoints")
      )
    }
  }
}

/// SQLite's online backup of a database that others write to.
private final class OnlineCopy {
  private let copying: OpaquePointer
  private let source: Connection
  private let target: Connection
  private var isFinished = false

  /// How often the copy starts over before it is made in one step.
  private static let mostRestarts = 3

  init(from source: Connection, to target: Connection) throws {
    guard let copying = sqlite3_backup_init(target.handle, "main", source.handle, "main") else {
      try target.check(sqlite3_errcode(target.handle))
      throw CifarError(.database, "\(source.path) cannot be copied to \(target.path)")
    }
    self.copying = copying
    self.source = source
    self.target = target
  }

  deinit { if !isFinished { sqlite3_backup_finish(copying) } }

  /// - Parameter patience: how long others may hold the file, in seconds.
  func run(patience: Double, _ progress: ((Int, Int) -> Void)?) throws {
    var pages: Int32 = 64
    var remaining = Int32.max
    var restarts = 0
    var lastStep = MonotonicTime.seconds
    while true {
      let start = MonotonicTime.seconds
      let code = sqlite3_backup_step(
        copying, restarts < OnlineCopy.mostRestarts ? pages : -1)
      let now = MonotonicTime.seconds
      if code == SQLITE_DONE { break }
      if code & 0xff == SQLITE_BUSY || code & 0xff == SQLITE_LOCKED {
        if now - lastStep > patience { throw DatabaseError.busy(source.path, source.holder) }
        usleep(10_000)
        continue
      }
      guard code == SQLITE_OK else {
        throw (isOfTarget(code) ? target : source).error(
          code, detail: String(cString: sqlite3_errstr(code)))
      }
      lastStep = now
      let rest = sqlite3_backup_remaining(copying)
      if rest >= remaining { restarts += 1 }
      remaining = rest
      if now - start < 0.01 { pages = min(2 * pages, 1 << 16) }
      if now - start > 0.025 { pages = max(pages / 2, 8) }
      let all = Int(sqlite3_backup_pagecount(copying))
      progress?(all - Int(rest), all)
    }
    isFinished = true
    try target.check(sqlite3_backup_finish(copying))
  }

  /// Whether it is the copy that cannot be written.
  private func isOfTarget(_ code: Int32) -> Bool {
    if [SQLITE_FULL, SQLITE_READONLY].contains(code & 0xff) { return true }
    return code == SQLITE_IOERR | (3 << 8)  // SQLITE_IOERR_WRITE
  }
}
