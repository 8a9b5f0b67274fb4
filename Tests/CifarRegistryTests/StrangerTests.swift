import CSQLite
import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

/// Files that others had their hands on.
@Suite struct StrangerTests {
  let sample: Sample
  var registry: Registry { sample.registry }

  init() throws {
    sample = try Sample()
    let session = try sample.start("one")
    try session.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1))
    try session.finish(status: .completed, reason: "done")
  }

  /// A connection that believes everything, as other programs' do.
  func stranger(_ sql: String) throws {
    let connection = try Connection(
      opening: registry.path, path: registry.path, flags: SQLITE_OPEN_READWRITE, timeout: 5,
      fileSystem: "unix")
    try connection.execute(sql)
  }

  @Test func aRegistryOfTheLibraryHasNone() throws {
    #expect(try registry.strangers().isEmpty)
  }

  @Test(arguments: [
    ("CREATE TABLE notebook (line TEXT)", "the table 'notebook'"),
    ("CREATE VIEW best AS SELECT max(best_val_accuracy) FROM runs", "the view 'best'"),
    ("CREATE INDEX by_recipe ON runs (recipe)", "the index 'by_recipe' on runs"),
    (
      "CREATE TRIGGER spy AFTER UPDATE ON runs BEGIN DELETE FROM epochs; END",
      "the trigger 'spy' on runs"
    ),
    ("ALTER TABLE notes ADD COLUMN mood TEXT", "the table 'notes'"),
    ("DROP TRIGGER blob_chunks_insert", "the trigger 'blob_chunks_insert' is missing"),
  ])
  func whatOthersAddedIsNamedAndDoesNotAct(sql: String, name: String) throws {
    try stranger(sql)
    let registry = try sample.other()
    let found = try registry.strangers()
    #expect(found.count == 1 && found.first?.what.contains(name) == true, "\(found)")
    #expect(found.first?.remedy.isEmpty == false)
    #expect(try registry.verify().filter { $0.contains(name) }.count == 1)
    try registry.rename("one", to: "two")
    #expect(try registry.epochs(of: "two").count == 1)
  }

  @Test func namesThatTryToBeSomethingElseStayText() throws {
    try stranger("CREATE TABLE \"x\u{1B}]0;y\u{7}\n--\"\"\" (a)")
    let found = try registry.verify()
    #expect(found.count == 1 && found[0].unicodeScalars.allSatisfy { $0.value >= 0x20 })
  }

  @Test(arguments: [
    "CREATE UNIQUE INDEX one_epoch ON epochs (run)", "CREATE INDEX maths ON runs (abs(epochs))",
    "CREATE INDEX part ON runs (name) WHERE length(name) > 3",
  ])
  func anIndexThatCanMakeWritingFailIsRefused(sql: String) throws {
    try stranger(sql)
    let error = failure { try sample.other() }
    #expect(error?.code == .badData && error?.isOneLine == true)
    #expect(error?.message.contains("DROP INDEX") == true)
    #expect(try sample.other(.readOnly).runs().count == 1)
  }

  @Test func aVirtualTableInATablesPlaceIsRefused() throws {
    try stranger("DROP TABLE tags; CREATE VIRTUAL TABLE tags USING fts5 (run, tag)")
    let error = failure { try sample.other(.readOnly) }
    #expect(error?.code == .badData && error?.message.contains("virtual table 'tags'") == true)
  }

  @Test func nothingWritesToTheSchemaItself() throws {
    try registry.locked { connection in
      try connection.execute("PRAGMA writable_schema = ON")
      #expect(throws: CifarError.self) { try connection.execute("DELETE FROM sqlite_schema") }
      #expect(throws: CifarError.self) { try connection.execute("ATTACH ':memory:' AS other") }
      #expect(try connection.integer("PRAGMA trusted_schema") == 0)
      #expect(try connection.integer("PRAGMA cell_size_check") == 1)
    }
  }

  @Test func aValueOfAHundredMegabytesIsNotLoaded() throws {
    try stranger("INSERT INTO notes (run, created, text) VALUES (1, '', hex(zeroblob(50000000)))")
    #expect(failure { try registry.run(matching: "one") }?.code == .badData)
    #expect(try registry.runs().count == 1)
  }

  /// A run's id is shown, typed and made a file's name.
  @Test(arguments: [
    "$(touch x)", "../../x", "3F2A77C0-5B1E-4D2A-9C3F-0123456789AB", "3f2a77c0", "",
    "3f2a77c0-5b1e-4d2a-9c3f-0123456789a\u{1B}",
  ])
  func anIDIsAUUIDOrBadData(id: String) throws {
    try registry.locked {
      _ = try $0.run("UPDATE runs SET uuid = ? WHERE name = 'one'", [.text(id)])
    }
    var damage: [CifarError] = []
    #expect(try registry.runs(RunQuery(), damaged: { damage.append($0) }).isEmpty)
    #expect(damage.map(\.code) == [.badData])
    #expect(damage.first?.message.contains("runs.uuid is ") == true)
    #expect(damage.first?.message.contains("id 1") == true && damage.first?.isOneLine == true)
    for body in [
      { _ = try registry.run(matching: "one") }, { try registry.tag("one", "x") },
      { _ = try registry.checkpoint(.last, of: "one") }, { try registry.remove(["one"]) },
      { _ = try registry.resumeRun("one", session: Sample.info) },
      { _ = try registry.checkpointData(1) },
    ] as [() throws -> Void] { #expect(failure(body)?.code == .badData) }
    #expect(try registry.verify().contains { $0.contains("runs.uuid is ") })
  }

  /// A writer was killed in the middle, and the place can't be written.
  @Test func aHotJournalOnAReadOnlyPlaceIsNamed() throws {
    let path = sample.directory.file("killed.db")
    let url = URL(fileURLWithPath: path)
    try registry.locked { connection in
      try connection.execute("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE")
      for number in 0..<200 {
        try connection.run(
          "INSERT INTO notes (run, created, text) VALUES (1, '', ?)",
          [.text(String(repeating: "\(number)", count: 20_000))])
      }
      for end in ["", "-journal"] {
        try FileManager.default.copyItem(atPath: registry.path + end, toPath: path + end)
      }
      try connection.execute("ROLLBACK")
    }
    let before = (try Data(contentsOf: url), sample.directory.contents)
    let reader = try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READONLY, timeout: 0)
    let error = failure { try reader.integer("SELECT count(*) FROM runs") }
    #expect(error?.code == .io && error?.isOneLine == true)
    #expect(error?.message.contains("killed.db-journal") == true, "\(error?.message ?? "")")
    #expect(try (Data(contentsOf: url), sample.directory.contents) == before)
    // Where it can be written it is put right.
    #expect(try Registry(path: path, mode: .readOnly).verify().isEmpty)
    #expect(!sample.directory.contents.contains("killed.db-journal"))
  }
}
