import CSQLite
import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct OpeningTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  /// Opens `path` in every way and expects the same refusal, and not a byte changed or added.
  func expectRefusal(_ path: String, _ code: CifarError.Code) throws {
    let before = (try Data(contentsOf: URL(fileURLWithPath: path)), directory.contents)
    for mode in [Registry.Mode.readOnly, .readWrite(create: false), .readWrite(create: true)] {
      let error = failure { try Registry(path: path, mode: mode) }
      #expect(error?.code == code)
      #expect(error?.message.contains(path) == true && error?.isOneLine == true)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before.0)
    #expect(directory.contents == before.1)
  }

  func raw(_ path: String) throws -> Connection {
    try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, timeout: 1)
  }

  @Test func aNewFileIsMarkedAndSetUp() throws {
    let path = directory.file("new.db")
    let registry = try Registry(path: path, mode: .readWrite(create: true))
    for (pragma, value) in [
      ("application_id", Migrations.applicationID), ("user_version", Migrations.all.newest),
      ("auto_vacuum", 2), ("foreign_keys", 1), ("secure_delete", 0), ("synchronous", 3),
    ] {
      #expect(try registry.integer("PRAGMA \(pragma)") == value)
    }
    #expect(try registry.runs().isEmpty)
    #expect(directory.contents == ["new.db"])
    let again = try Registry(path: path, mode: .readWrite(create: true))
    #expect(try again.runs().isEmpty)
  }

  @Test(arguments: ["DELETE", "WAL"])
  func aForeignDatabaseStaysUntouched(journal: String) throws {
    let path = directory.file("foreign.db")
    try raw(path).execute(
      "PRAGMA journal_mode = \(journal); CREATE TABLE things (x); INSERT INTO things VALUES (1)")
    try expectRefusal(path, .foreignDatabase)
  }

  @Test func aStrangersTriggerDoesNotAct() throws {
    let path = directory.file("trigger.db")
    _ = try Registry(path: path, mode: .readWrite(create: true))
    try raw(path).execute(
      """
      CREATE TRIGGER endless AFTER INSERT ON texts BEGIN INSERT INTO texts (json)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n; END
      """)
    let registry = try Registry(path: path, mode: .readWrite(create: false))
    try registry.writing { try $0.execute("INSERT INTO texts (json) VALUES ('[1]')") }
    #expect(try registry.integer("SELECT count(*) FROM texts") == 1)
  }

  @Test(arguments: ["tags", "notes"]) func aViewInATablesPlaceIsNamed(table: String) throws {
    let path = directory.file("view.db")
    _ = try Registry(path: path, mode: .readWrite(create: true))
    try raw(path).execute(
      """
      DROP TABLE \(table); CREATE VIEW \(table) AS
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n
      """)
    let error = failure { try Registry(path: path, mode: .readOnly) }
    #expect(error?.code == .badData && error?.message.contains("view '\(table)'") == true)
  }

  @Test func anotherApplicationsEmptyDatabaseIsForeign() throws {
    let path = directory.file("other.db")
    try raw(path).execute("PRAGMA application_id = 77; CREATE TABLE t (x); DROP TABLE t")
    try expectRefusal(path, .foreignDatabase)
  }

  @Test func aFileOfAnotherKindIsForeign() throws {
    for (name, text) in [
      ("notes.txt", "some text\n"), ("long", String(repeating: "x", count: 9000)),
    ] {
      let path = directory.file(name)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      try expectRefusal(path, .foreignDatabase)
    }
  }

  @Test func aNewerRegistryIsNamedAsSuch() throws {
    let path = directory.file("newer.db")
    _ = try Registry(path: path, mode: .readWrite(create: true))
    try raw(path).execute("PRAGMA user_version = 999; UPDATE meta SET value = 998")
    try expectRefusal(path, .newerDatabase)
  }

  @Test func aNewerRegistryIsReadWhereItSaysSo() throws {
    let path = directory.file("newer.db")
    let session = try Registry(path: path, mode: .readWrite(create: true)).createRun(Sample.run())
    try session.finish(status: .completed, reason: "done")
    try raw(path).execute("PRAGMA user_version = 999")
    #expect(try Registry(path: path, mode: .readOnly).runs().map(\.id) == [session.id])
    let error = failure { try Registry(path: path, mode: .readWrite(create: false)) }
    #expect(error?.code == .newerDatabase)
  }

  @Test func whatIsMissingIsNotFound() throws {
    let path = directory.file("missing.db")
    #expect(failure { try Registry(path: path, mode: .readOnly) }?.code == .notFound)
    #expect(
      failure { try Registry(path: path, mode: .readWrite(create: false)) }?.code == .notFound)
    let deep = directory.file("no/such/runs.db")
    #expect(failure { try Registry(path: deep, mode: .readWrite(create: true)) }?.code == .notFound)
    #expect(failure { try Registry(path: "", mode: .readOnly) }?.code == .invalidArgument)
    #expect(failure { try Registry(path: directory.path, mode: .readOnly) }?.code == .io)
    #expect(directory.contents.isEmpty)
  }

  @Test func anEmptyFileBecomesARegistryOnlyWhenRecording() throws {
    let path = directory.file("empty.db")
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(failure { try Registry(path: path, mode: .readOnly) }?.code == .notFound)
    #expect(try Registry(path: path, mode: .readWrite(create: true)).runs().isEmpty)
  }

  @Test func namesWithAMeaningInURIsAreTakenLiterally() throws {
    for name in ["file:a?mode=memory", "100%41#x.db", ":memory:"] {
      let path = directory.file(name)
      let session = try Registry(path: path, mode: .readWrite(create: true))
        .createRun(Sample.run())
      #expect(try Registry(path: path, mode: .readOnly).runs().first?.id == session.id)
      #expect(directory.contents.contains(name))
    }
    #expect(try DatabasePath.literal(":memory:") == "./:memory:")
  }

  @Test func readingOnlyMeansReadingOnly() throws {
    let path = directory.file("runs.db")
    let session = try Registry(path: path, mode: .readWrite(create: true)).createRun(Sample.run())
    let reader = try Registry(path: path, mode: .readOnly)
    #expect(failure { try reader.createRun(Sample.run()) }?.code == .invalidState)
    #expect(throws: CifarError.self) { try reader.locked { try $0.execute("DELETE FROM runs") } }
    #expect(try reader.runs().map(\.id) == [session.id])
  }

  @Test func aHeldFileIsBusyAfterTheTimeout() throws {
    let path = directory.file("runs.db")
    let registry = try Registry(path: path, mode: .readWrite(create: true), busyTimeout: 0.05)
    let holder = try raw(path)
    try holder.execute("BEGIN IMMEDIATE")
    let error = failure { try registry.createRun(Sample.run()) }
    #expect(error?.code == .busy)
    #expect(error?.isOneLine == true)
    try holder.execute("COMMIT")
    _ = try registry.createRun(Sample.run())
  }

  @Test func aDamagedFileIsBadData() throws {
    let path = directory.file("runs.db")
    _ = try Registry(path: path, mode: .readWrite(create: true)).createRun(Sample.run())
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    for offset in 16384..<bytes.count { bytes[offset] = 0xa5 }
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = failure { try Registry(path: path, mode: .readOnly).runs() }
    #expect(error?.code == .badData)
    #expect(error?.isOneLine == true)
  }

  /// A writer that is killed in the middle of a transaction leaves a file with half of it, and the
  /// journal that undoes it. The next reader, of any mode, does that.
  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func whatAKilledWriterLeftIsUndone(mode: Registry.Mode) throws {
    let path = directory.file("runs.db")
    let session = try Registry(path: path, mode: .readWrite(create: true)).createRun(Sample.run())
    try session.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1))
    let writer = try raw(path)
    try writer.execute("PRAGMA cache_size = 1; BEGIN IMMEDIATE; DELETE FROM epochs")
    try writer.execute(
      "INSERT INTO notes (run, created, text) VALUES (1, '', hex(zeroblob(200000)))")
    let copy = directory.file("killed.db")
    for suffix in ["", "-journal"] {
      try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
    }
    try writer.execute("ROLLBACK")

    let before = try FileManager.default.attributesOfItem(atPath: copy)[.size] as? Int ?? 0
    #expect(before > 300_000, "the unfinished transaction has reached the file")
    let registry = try Registry(path: copy, mode: mode)
    #expect(try registry.epochs(of: session.id).map(\.epoch) == [1])
    let last = try registry.checkpoint(.last, of: session.id)
    #expect(try registry.checkpointData(last.id) == Sample.checkpoint(1).data)
    #expect(
      try registry.locked { try $0.first("PRAGMA integrity_check", [], { $0.text(0) }) } == "ok")
    #expect(!directory.contents.contains("killed.db-journal"))
  }
}
