import CSQLite
import CifarCore
import Glibc
import TestSupport
import Testing

@testable import CifarRegistry

/// Locks against another SQLite in the same process, for which SQLite's own file system layer stands
/// here: its locks are the process's, ours the open file's.
@Suite struct RegistryLockTests {
  let directory: TemporaryDirectory
  let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("runs.db")
    _ = try Registry(path: path, mode: .readWrite(create: true))
  }

  private func open(_ fileSystem: String? = nil) throws -> Connection {
    try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READWRITE, timeout: 0, fileSystem: fileSystem)
  }

  private func isBusy(_ connection: Connection) -> Bool {
    let error = failure { try connection.execute("BEGIN IMMEDIATE; ROLLBACK") }
    return error?.code == .busy
  }

  @Test func anotherSQLiteIsKeptOut() throws {
    let ours = try open()
    let others = try open("unix")
    #expect(!isBusy(others))
    try ours.execute("BEGIN IMMEDIATE")
    #expect(isBusy(others))
    // A backup or a checksum: POSIX locks would be gone now.
    close(Glibc.open(path, O_RDONLY))
    #expect(isBusy(others))
    #expect(isBusy(try open()))
    try ours.execute("ROLLBACK")
    #expect(!isBusy(others))
  }

  @Test func readersKeepTheCommitWaiting() throws {
    let ours = try open()
    let others = try open("unix")
    try others.execute("BEGIN; SELECT count(*) FROM runs")
    try ours.execute("BEGIN IMMEDIATE; INSERT INTO texts (json) VALUES ('[1]')")
    #expect(failure { try ours.execute("COMMIT") }?.code == .busy)
    // The commit that waits keeps new readers out.
    #expect(failure { try open().execute("SELECT count(*) FROM runs") }?.code == .busy)
    try others.execute("ROLLBACK")
    try ours.execute("COMMIT")
    #expect(try others.integer("SELECT count(*) FROM texts") == 1)
  }

  @Test func closingOursLeavesTheOthersLock() throws {
    let others = try open("unix")
    try others.execute("BEGIN IMMEDIATE")
    for _ in 0..<3 { _ = try open().integer("SELECT count(*) FROM runs") }
    _ = try Registry(path: path, mode: .readOnly).runs()
    #expect(isBusy(try open()))
    try others.execute("ROLLBACK")
    #expect(!isBusy(try open()))
  }

  @Test func descriptorsAreClosedInTheEnd() throws {
    let count = { (try? directoryEntries("/proc/self/fd"))?.filter(pointsHere).count ?? -1 }
    for _ in 0..<5 { _ = try open().integer("SELECT count(*) FROM runs") }
    #expect(count() == 0)
    do {
      let others = try open("unix")
      try others.execute("BEGIN IMMEDIATE")
      _ = try open().integer("SELECT count(*) FROM runs")
    }
    _ = try open().integer("SELECT count(*) FROM runs")
    #expect(count() == 0)
  }

  private func pointsHere(_ descriptor: String) -> Bool {
    var target = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
    return length > 0
      && String(decoding: target.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        == path
  }

  private func directoryEntries(_ path: String) throws -> [String] {
    guard let stream = opendir(path) else { throw CifarError(.io, "can't list \(path)") }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { name in
          String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }

  @Test func aFileInWALModeIsSwitchedBack() throws {
    try open("unix").execute("PRAGMA journal_mode = WAL; INSERT INTO texts (json) VALUES ('[2]')")
    let registry = try Registry(path: path, mode: .readOnly)
    #expect(try registry.runs().isEmpty)
    #expect(try open().integer("SELECT count(*) FROM texts") == 1)
    #expect(directory.contents == ["runs.db"])
  }

  @Test func aFileInWALModeThatIsInUseIsNamed() throws {
    let user = try open("unix")
    try user.execute("PRAGMA journal_mode = WAL; BEGIN; SELECT count(*) FROM runs")
    let error = failure { try Registry(path: path, mode: .readOnly, busyTimeout: 0) }
    #expect(error?.code == .busy)
    #expect(error?.message.contains("WAL") == true)
  }

  /// What a second SQLite of the process sees of locks that a close has dropped.
  @Test func aJournalThatOthersDeletedIsNoFaultOfTheDisk() {
    let error = DatabaseError.error(
      code: SQLITE_IOERR | (23 << 8), detail: "disk I/O error", path: "runs.db")
    #expect(error.code == .io && error.message.contains("SQLite code 5898"))
    #expect(error.message.contains("opens and closes the file by hand"))
    #expect(!error.message.contains("check the disk"))
  }
}
