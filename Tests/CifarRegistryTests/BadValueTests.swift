import CSQLite
import CifarCore
import TestSupport
import Testing

@testable import CifarRegistry

/// Values in a file that no library wrote: an error that names table, column and row, and the other
/// runs are there as before.
@Suite struct BadValueTests {
  let sample: Sample
  var registry: Registry { sample.registry }

  init() throws {
    sample = try Sample()
    for name in ["good", "bad"] {
      let session = try sample.start(name)
      try session.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1))
      try session.record(metric: MetricRow(name: "f1", epoch: 1, value: 0.5))
      try session.note("a remark")
      try session.finish(status: .completed, reason: "done")
      try registry.record(
        evaluation: ClassEvaluation(
          epoch: 1, classNames: ["cat", "dog"], confusion: [[3, 1], [0, 4]],
          misclassified: [
            .init(
              image: 7, actual: 0, predicted: 1, probability: 0.75, pixels: EditingTests.pixels(0))
          ]), of: name)
    }
  }

  /// Writes what the schema would refuse.
  func force(_ sql: String) throws {
    try registry.locked {
      try $0.execute("PRAGMA ignore_check_constraints = ON; \(sql)")
      try $0.execute("PRAGMA ignore_check_constraints = OFF")
    }
  }

  @Test(arguments: [
    ("runs", "epochs", "-1", "id = 2"), ("runs", "epochs_planned", "99999999999", "id = 2"),
    ("runs", "status", "'done'", "id = 2"), ("runs", "started", "'yesterday'", "id = 2"),
    ("runs", "trashed", "''", "id = 2"), ("runs", "uuid", "'$(id)'", "id = 2"),
    ("runs", "parent", "'../x'", "id = 2"),
  ])
  func aRunThatCannotBeReadIsLeftOut(
    table: String, column: String, value: String, row: String
  ) throws {
    try force("UPDATE \(table) SET \(column) = \(value) WHERE \(row)")
    var damage: [CifarError] = []
    let query = RunQuery(trash: column == "trashed")
    let runs = try registry.runs(query, damaged: { damage.append($0) })
    #expect(runs.map(\.name) == (query.trash ? [] : ["good"]))
    #expect(damage.map(\.code) == [.badData])
    #expect(damage.first?.message.contains("\(table).\(column) is ") == true)
    #expect(damage.first?.isOneLine == true)
    #expect(try registry.run(matching: "good").epochs.count == 1)
    #expect(try registry.verify().contains { $0.contains("\(table).\(column) is ") })
  }

  @Test(arguments: [
    ("sessions", "threads", "-1"), ("sessions", "pid", "1 << 40"), ("sessions", "ended", "'x'"),
    ("sessions", "resumed_epoch", "-1"), ("epochs", "epoch", "5000000000"),
    ("checkpoints", "batch", "1 << 40"), ("checkpoints", "step", "-1"),
    ("checkpoints", "created", "''"), ("checkpoints", "pinned", "7"), ("metrics", "epoch", "-1"),
    ("notes", "created", "'2026-13-01T00:00:00.000Z'"), ("runs", "seed", "'-1'"),
    ("evaluations", "epoch", "-1"), ("evaluations", "class_names", "'7'"),
    ("evaluations", "confusion", "'[[1,2],[3]]'"), ("evaluations", "confusion", "'[[1,2],[3,-4]]'"),
    ("evaluations", "confusion", "'not JSON'"), ("predictions", "actual", "2"),
    ("predictions", "probability", "9e99"), ("predictions", "pixels", "x'00'"),
    ("evaluations", "channels", "2"),
    ("evaluations", "height", "7"), ("evaluations", "width", "129"),
    ("predictions", "kind", "'worst'"), ("predictions", "number", "-1"),
    ("epochs", "val_accuracy", "1.5"), ("epochs", "seconds", "-1"),
    ("epochs", "learning_rate", "-0.5"),
  ])
  func aRunIsNotShownWithAValueThatCannotBe(table: String, column: String, value: String) throws {
    let key = table == "runs" ? "id" : "run"
    try force("UPDATE \(table) SET \(column) = \(value) WHERE \(key) = 2")
    let error = failure { try registry.run(matching: "bad") }
    #expect(error?.code == .badData && error?.isOneLine == true)
    #expect(
      error?.message.contains("\(table).\(column) is ") == true, "\(error?.message ?? "")")
    #expect(try registry.run(matching: "good").epochs.count == 1)
    #expect(try registry.verify().contains { $0.contains("\(table).\(column) is ") })
  }

  @Test(arguments: ["-1", "0", "9223372036854775807", "99999999999999"])
  func sizesOfBlobsAreNotBelieved(size: String) throws {
    let id = try registry.checkpoint(.last, of: "good").id
    try force("UPDATE blobs SET size = \(size)")
    let code = failure { try registry.checkpointData(id) }?.code
    #expect(code == .badData || code == .checksumMismatch)
    #expect(try registry.verify().contains { $0.contains("damaged") || $0.contains("blobs.size") })
  }

  @Test func aMissingBlobIsDamage() throws {
    try registry.locked {
      try $0.execute("PRAGMA foreign_keys = OFF; DELETE FROM blobs")
    }
    #expect(failure { try registry.run(matching: "good") }?.code == .badData)
    let checkpoints = try registry.currentCheckpoints(of: "good")
    #expect(checkpoints.count == 1 && checkpoints.allSatisfy { (try? $0.get()) == nil })
  }

  @Test(arguments: ["id", "id + 1"])
  func aSessionComesFromAnEarlierOne(origin: String) throws {
    let before = try registry.integer("SELECT count(*) FROM epochs")
    let session = try registry.resumeRun("good", session: Sample.info)
    try force(
      """
      UPDATE sessions SET resumed_session = \(origin), resumed_epoch = 1, resumed_batch = 0
      WHERE id = (SELECT max(id) FROM sessions)
      """)
    let error = failure { try session.record(epoch: Sample.epoch(2)) }
    #expect(error?.code == .badData)
    #expect(error?.message.contains("sessions.resumed_session is ") == true)
    #expect(try registry.integer("SELECT count(*) FROM epochs") == before)
    // The lock is free.
    try sample.other().tag("bad", "still writable")
    #expect(try registry.verify().contains { $0.contains("sessions.resumed_session is ") })
  }

  /// Another program's connection: for these the triggers are, the library's own fire none.
  func otherProgram() throws -> Connection {
    try Connection(
      opening: registry.path, path: registry.path, flags: SQLITE_OPEN_READWRITE, timeout: 5,
      fileSystem: "unix")
  }

  @Test func theSchemaRefusesThem() throws {
    let other = try otherProgram()
    for sql in [
      "UPDATE runs SET epochs = -1", "UPDATE epochs SET epoch = 5000000000",
      "UPDATE blobs SET size = -1", "UPDATE blob_chunks SET number = -1",
      "UPDATE sessions SET resumed_session = id", "UPDATE checkpoints SET step = 1 << 60",
      "UPDATE epochs SET superseded = 2", "UPDATE predictions SET kind = 'worst'",
    ] {
      let error = failure { try other.execute(sql) }
      #expect(error?.code == .database && error?.message.contains("CHECK") == true, "\(sql)")
    }
  }

  /// -1 is illegal everywhere but as a loss or a metric, of which every double is legal.
  @Test func everyNumericColumnRefusesAnIllegalValue() throws {
    try registry.tag("good", "t")
    let other = try otherProgram()
    let any = ["train_loss", "val_loss", "best_val_loss", "last_val_loss", "value"]
    var count = 0
    for table in Registry.tables {
      let columns = try other.rows("SELECT name, type FROM pragma_table_info('\(table)')", []) {
        (name: $0.text(0), type: $0.text(1))
      }
      for column in columns where ["INTEGER", "REAL"].contains(column.type) {
        let isAny = any.contains(column.name) && table != "meta"
        let values = columns.map { $0.name != column.name ? $0.name : isAny ? "'x'" : "-1" }
        let sql = """
          INSERT INTO \(table) (\(columns.map(\.name).joined(separator: ", ")))
          SELECT \(values.joined(separator: ", ")) FROM \(table) LIMIT 1
          """
        #expect(try other.integer("SELECT count(*) FROM \(table)") != 0, "\(table)")
        let message = failure { try other.execute(sql) }?.message ?? ""
        #expect(
          message.contains(isAny ? "cannot store TEXT" : "CHECK constraint failed"),
          "\(table).\(column.name): \(message)")
        count += 1
      }
    }
    #expect(count > 50)
  }

  /// By other programs: SQLite itself drops a column that no constraint names.
  @Test func aMissingColumnIsNamed() throws {
    try otherProgram().execute(
      "DROP VIEW run_details; ALTER TABLE sessions DROP COLUMN git_commit")
    let error = failure { try registry.run(matching: "good") }
    #expect(error?.code == .badData && error?.isOneLine == true)
    #expect(error?.message.contains("git_commit") == true, "\(error?.message ?? "")")
    #expect(try registry.verify().contains { $0.contains("'sessions' is not as") })
  }

  @Test(arguments: [
    "", "2026-11-23", "2026-11-23T20:22:08.123", "+026-11-23T20:22:08.123Z",
    "-026-11-23T20:22:08.123Z", "2026-00-23T20:22:08.123Z", "2026-11-32T20:22:08.123Z",
    "2026-11-23T24:22:08.123Z", "2026-11-23 20:22:08.123Z", "2026x11x23T20:22:08.123Z",
  ])
  func timesAreReadAsTheyAreWritten(text: String) { #expect(Timestamp(text) == nil) }

  @Test func aLongNameIsNoFieldAndCostsNothing() throws {
    let long = String(repeating: "x", count: 1 << 20)
    for name in [long, long + ".y", "metrics." + long] {
      let error = failure { try registry.runs(RunQuery(sort: name)) }
      #expect(error?.code == .invalidArgument)
      #expect((error?.message.utf8.count ?? .max) < 2000)
    }
    let error = failure { try registry.run(matching: long) }
    #expect(error?.code == .notFound && (error?.message.utf8.count ?? .max) < 1000)
  }
}
