import CSQLite
import CifarCore
import Glibc

/// One open SQLite database.
///
/// Used from one thread at a time: its owner holds a lock around every use.
final class Connection {
  let handle: OpaquePointer
  /// The file as the caller named it, for messages.
  let path: String
  /// How it waits for other processes.
  let wait: LockWait
  let statements = StatementCache()
  private let process = getpid()

  /// - Parameters:
  ///   - name: a path that SQLite takes literally, or a `file:` URI (see `DatabasePath`).
  ///   - flags: `SQLITE_OPEN_…`.
  ///   - timeout: how long a call waits for other processes, in seconds.
  ///   - fileSystem: SQLite's name of it; nil for this library's, which believes no schema either.
  init(
    opening name: String, path: String, flags: Int32, timeout: Double, fileSystem: String? = nil
  ) throws {
    let system = try fileSystem ?? RegistryFileSystem.registered()
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX, system)
    guard let opened, code == SQLITE_OK else {
      let detail = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(opened)
      throw DatabaseError.error(code: code, detail: detail, path: path)
    }
    handle = opened
    self.path = path
    sqlite3_extended_result_codes(handle, 1)
    wait = LockWait(seconds: timeout)
    wait.install(on: handle)
    try check(DecimalNumber.register(with: handle))
    if fileSystem == nil { try distrust() }
  }

  /// A value that is longer is damage or an attack: chunks of checkpoints have 1 MiB, the longest
  /// texts some.
  static let longestValue: Int32 = 64 << 20

  /// Whatever stands in the file, it is data: it does not act, and asks for no more memory than any
  /// registry does.
  private func distrust() throws {
    try check(sqlite_distrust(handle))
    try check(JSONCheck.register(with: handle))
    try execute("PRAGMA cell_size_check = ON")
    for (limit, value) in [
      (SQLITE_LIMIT_LENGTH, Connection.longestValue), (SQLITE_LIMIT_SQL_LENGTH, 16 << 20),
      (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_WORKER_THREADS, 0),
    ] { sqlite3_limit(handle, limit, value) }
  }

  deinit {
    // In a child of fork the file belongs to the parent: closing could roll back its transaction.
    guard process == getpid() else { return }
    statements.clear()
    sqlite3_close_v2(handle)
  }

  /// - Throws: `invalidState` in a child of `fork`; SQLite's locks do not survive one.
  func checkProcess() throws {
    guard process != getpid() else { return }
    throw CifarError(
      .invalidState, "\(path) was opened before fork; open the registry again in the child")
  }

  func check(_ code: Int32) throws {
    guard code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE else { return }
    throw error(
      sqlite3_extended_errcode(handle), detail: String(cString: sqlite3_errmsg(handle)))
  }

  /// Who else has a lock on the file, as a message names them: "another process, 4711 (python3)". nil
  /// if nobody has, or the system does not tell.
  var holder: String? {
    var descriptor: Int32 = -1
    let found = sqlite3_file_control(handle, "main", RegistryFile.descriptor, &descriptor)
    return found == SQLITE_OK && descriptor >= 0 ? RegistryLock.holder(descriptor) : nil
  }

  /// What a code of a call on this database means.
  func error(_ code: Int32, detail: String) -> CifarError {
    // A caller that tries again at once need not know who holds it, which takes a search of all
    // processes.
    let isBusy = code & 0xff == SQLITE_BUSY && wait.seconds >= 1
    return DatabaseError.error(
      code: code, detail: detail, path: path, systemError: systemError(code),
      holder: isBusy ? holder : nil)
  }

  /// What the system said to the call that failed: on the file, or on its journal.
  private func systemError(_ code: Int32) -> Int32 {
    var own: Int32 = 0
    let found = sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &own)
    let isOwn = own == EFBIG || DatabaseError.lockFailures.contains(code)
    return found == SQLITE_OK && isOwn ? own : sqlite3_system_errno(handle)
  }

  /// - Parameter seconds: how long a call waits for other processes.
  func setBusyTimeout(_ seconds: Double) {
    wait.seconds = seconds
  }

  /// Whether the file is in WAL mode, which the library's file system does not have.
  var isWAL: Bool {
    var version: Int32 = 0
    let code = sqlite3_file_control(handle, "main", RegistryFile.writeVersion, &version)
    return code == SQLITE_OK && version == 2
  }

  /// Runs any number of statements that return nothing of interest.
  func execute(_ sql: String) throws {
    try check(sqlite3_exec(handle, sql, nil, nil, nil))
  }

  /// Runs one statement to its end.
  /// - Returns: the number of rows it changed.
  @discardableResult
  func run(_ sql: String, _ values: [SQLValue] = []) throws -> Int {
    let statement = try Statement(self, sql)
    try statement.bind(values)
    while try statement.step() {}
    return Int(sqlite3_changes(handle))
  }

  /// Every row that one statement returns.
  func rows<Row>(
    _ sql: String, _ values: [SQLValue] = [], _ read: (Statement) throws -> Row
  ) throws -> [Row] {
    let statement = try Statement(self, sql)
    try statement.bind(values)
    var result: [Row] = []
    while try statement.step() {
      try MemoryNeed.checkReserve()
      try result.append(secured: try read(statement), of: "the rows")
    }
    return result
  }

  /// The first row that one statement returns, nil if there is none.
  func first<Row>(
    _ sql: String, _ values: [SQLValue] = [], _ read: (Statement) throws -> Row
  ) throws -> Row? {
    let statement = try Statement(self, sql)
    try statement.bind(values)
    return try statement.step() ? try read(statement) : nil
  }

  func integer(_ sql: String, _ values: [SQLValue] = []) throws -> Int64? {
    try first(sql, values) { $0.integer(0) }
  }

  /// Runs a query that yields to writers: it ends early when one has to wait for it.
  /// - Returns: nil if it did.
  func yieldingToWriters<Result>(_ body: () throws -> Result) throws -> Result? {
    func tell(_ operation: Int32, _ value: Int32) throws -> Int32 {
      var value = value
      try check(sqlite3_file_control(handle, "main", operation, &value))
      return value
    }
    _ = try tell(RegistryFile.yieldsToWriters, 1)
    defer { _ = try? tell(RegistryFile.yieldsToWriters, 0) }
    do {
      let result = try body()
      return try tell(RegistryFile.hasYielded, 0) == 0 ? result : nil
    } catch {
      if try tell(RegistryFile.hasYielded, 0) != 0 { return nil }
      throw error
    }
  }

  var lastInsertedID: Int64 { sqlite3_last_insert_rowid(handle) }

  enum Transaction: String {
    /// Sees one state of the file throughout.
    case read = "BEGIN"
    /// Takes the write lock at once, so that what it reads stays true until it writes.
    case write = "BEGIN IMMEDIATE"
  }

  /// Runs `body` in the transaction under way, or in a reading one of its own.
  func atOneMoment<Result>(_ body: () throws -> Result) throws -> Result {
    sqlite3_get_autocommit(handle) == 0 ? try body() : try transaction(.read, body)
  }

  /// Runs `body` in one transaction: all of it lands, or nothing.
  func transaction<Result>(_ kind: Transaction, _ body: () throws -> Result) throws -> Result {
    // One that could not even be rolled back, for want of memory, is still open.
    if sqlite3_get_autocommit(handle) == 0 { try execute("ROLLBACK") }
    try execute(kind.rawValue)
    do {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // Some errors (a full disk) have ended the transaction already. What had reached the file by then is
      // taken back by the next one that reads it: so that the disk is free again, not left to others.
      let isOpen = sqlite3_get_autocommit(handle) == 0
      try? execute(isOpen ? "ROLLBACK" : "SELECT 1 FROM sqlite_schema LIMIT 1")
      throw error
    }
  }
}
