import CSQLite
import CifarCore
import Foundation
import Testing

@testable import CifarRegistry

/// Files that older libraries wrote, brought to the present schema.
@Suite struct SchemaTests {
  let directory: TemporaryDirectory
  let path: String
  let path2: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("old.db")
    // Two runs of three epochs that the library with schema 1 trained.
    try SchemaTests.copy("schema1", to: path)
    // Three runs of schema 2: one resumed from its first epoch, another one forked.
    path2 = directory.file("old2.db")
    try SchemaTests.copy("schema2", to: path2)
  }

  static func copy(_ fixture: String, to path: String) throws {
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/\(fixture).sqlite")
    try FileManager.default.copyItem(atPath: source.path, toPath: path)
  }

  func rows(_ sql: String, of path: String) throws -> [String] {
    let connection = try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READONLY, timeout: 1)
    return try connection.rows(sql, []) { $0.text(0) }
  }

  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func schema1IsBroughtUp(mode: Registry.Mode) throws {
    let json = "SELECT json(hyperparameters) FROM runs ORDER BY id"
    let models = "SELECT json(model) FROM runs ORDER BY id"
    let before = try (rows(json, of: path), rows(models, of: path))
    let registry = try Registry(path: path, mode: mode)
    #expect(try registry.integer("PRAGMA user_version") == Migrations.all.newest)
    let runs = try registry.runs()
    #expect(runs.map(\.name) == ["two", "one"])
    #expect(runs.map(\.tags) == [[], ["old"]])
    #expect(runs.allSatisfy { $0.status == .completed && $0.epochs == 3 })
    for (index, name) in ["one", "two"].enumerated() {
      let run = try registry.run(matching: name)
      #expect(run.epochs.count == 3 && run.sessions.count == 1)
      #expect(run.summary.bestValLoss == run.epochs.compactMap(\.valLoss).min())
      #expect(run.summary.lastValLoss == run.epochs.last?.valLoss)
      #expect(try sameJSON(run.hyperparameters, before.0[index]))
      #expect(run.model == before.1[index])
      for checkpoint in run.checkpoints { _ = try registry.checkpointData(checkpoint.id) }
    }
    #expect(try registry.run(matching: "one").notes.map(\.text) == ["kept"])
    #expect(try registry.verify().isEmpty)
    // Model, callbacks, data and the rest are there once, for both runs.
    #expect(try registry.integer("SELECT count(*) FROM texts") == 2)
    #expect(try rows("SELECT count(*) FROM runs", of: path + ".schema1.backup") == ["2"])
    #expect(try registry.integer("SELECT seq FROM sqlite_sequence WHERE name = 'runs'") == 2)
  }

  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func schema2IsBroughtUp(mode: Registry.Mode) throws {
    let tables = [
      "runs", "sessions", "epochs", "superseded_epochs", "checkpoints", "blobs", "blob_chunks",
      "metrics", "evaluations", "predictions", "tags", "notes", "texts",
    ]
    // Every value of every row, as a text.
    func contents() throws -> [[String]] {
      try tables.map { table in
        let columns = try rows("SELECT name FROM pragma_table_info('\(table)')", of: path2)
          .map { "quote(\($0))" }.joined(separator: " || ',' || ")
        return try rows("SELECT \(columns) FROM \(table) ORDER BY 1", of: path2)
      }
    }
    let before = try contents()
    let sequences = "SELECT name || ' ' || seq FROM sqlite_sequence ORDER BY name"
    let numbers = try rows(sequences, of: path2)
    let registry = try Registry(path: path2, mode: mode)
    #expect(try registry.integer("PRAGMA user_version") == Migrations.all.newest)
    #expect(try contents() == before)
    #expect(try rows(sequences, of: path2) == numbers)
    #expect(try registry.verify().isEmpty)
    #expect(try registry.runs().map(\.name) == ["three", "two", "one"])
    let run = try registry.run(matching: "one")
    #expect(run.metrics.map(\.epoch) == [1, 2])
    #expect(run.evaluation?.predictions.count == 1 && run.evaluation?.samples.count == 1)
    #expect(run.checkpoints.map(\.isSuperseded) == [false, true, true, false])
    #expect(try rows("SELECT count(*) FROM runs", of: path2 + ".schema2.backup") == ["3"])
    // The view is for other programs.
    let other = try Connection(
      opening: path2, path: path2, flags: SQLITE_OPEN_READONLY, timeout: 1, fileSystem: "unix")
    #expect(try other.integer("SELECT count(*) FROM run_details") == 3)
  }

  /// A file of schema 3 and one that was brought there have the same tables.
  @Test func anOldFileBecomesLikeANewOne() throws {
    let new = directory.file("new.db")
    for file in [path, path2, new] {
      _ = try Registry(path: file, mode: .readWrite(create: file == new))
    }
    let schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
    let expected = try rows(schema, of: new)
    #expect(try rows(schema, of: path) == expected)
    #expect(try rows(schema, of: path2) == expected)
  }

  @Test(arguments: [
    ("runs", "epochs", "-1"), ("runs", "epochs_planned", "99999999999"),
    ("sessions", "resumed_session", "id"), ("sessions", "threads", "-5"),
    ("epochs", "epoch", "5000000000 + epoch"), ("checkpoints", "step", "9223372036854775807"),
    ("blobs", "size", "-1"), ("blob_chunks", "number", "-3"),
    ("predictions", "probability", "9e99"),
  ])
  func aValueThatCannotBeStopsTheMigration(table: String, column: String, value: String) throws {
    let raw = try Connection(
      opening: path2, path: path2, flags: SQLITE_OPEN_READWRITE, timeout: 1)
    try raw.execute("UPDATE \(table) SET \(column) = \(value)")
    let error = failure { try Registry(path: path2, mode: .readWrite(create: false)) }
    #expect(error?.code == .badData && error?.isOneLine == true)
    #expect(error?.message.contains("\(table).\(column) of the row with ") == true)
    #expect(error?.message.contains("stays as it was") == true)
    #expect(error?.message.contains("UPDATE \(table) SET \(column) = … WHERE ") == true)
    #expect(try rows("PRAGMA user_version", of: path2) == ["2"])
  }

  func sameJSON(_ a: String, _ b: String) throws -> Bool {
    let objects = try [a, b].map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? NSDictionary
    }
    return objects[0] != nil && objects[0] == objects[1]
  }

  @Test func tenProcessesMayOpenAnOldFileAtOnce() async throws {
    let path = path
    try await withThrowingTaskGroup(of: Int.self) { group in
      for opener in 0..<10 {
        group.addTask {
          let mode = opener % 2 == 0 ? Registry.Mode.readOnly : .readWrite(create: true)
          return try Registry(path: path, mode: mode).runs().count
        }
      }
      for try await count in group { #expect(count == 2) }
    }
    #expect(try Registry(path: path, mode: .readOnly).verify().isEmpty)
  }

  @Test func aForeignKeyThatPointsNowhereStopsTheMigration() throws {
    let raw = try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READWRITE, timeout: 1)
    try raw.execute("INSERT INTO notes (run, created, text) VALUES (99, '', 'lost')")
    #expect(failure { try Registry(path: path, mode: .readOnly) }?.code == .badData)
    #expect(try rows("PRAGMA user_version", of: path) == ["1"])
  }

  @Test func theShellSeesCompleteRuns() throws {
    _ = try Registry(path: path, mode: .readWrite(create: false))
    let shell = try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READONLY, timeout: 1, fileSystem: "unix")
    let text = try shell.integer(
      """
      SELECT count(*) FROM run_details WHERE hyperparameters ->> '$.batch_size' = 32
        AND hyperparameters ->> '$.model_spec.layers[0].type' = 'conv2d'
        AND json_valid(hyperparameters) AND json_valid(model)
      """)
    #expect(text == 2)
  }
}
