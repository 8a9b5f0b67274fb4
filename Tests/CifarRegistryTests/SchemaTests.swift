import CSQLite
import CifarCore
import Foundation
import TestSupport
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

  /// A program that knows schema 4 reads the file on: nothing but columns came.
  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func schema4IsBroughtUp(mode: Registry.Mode) throws {
    let path = directory.file("old4.db")
    try SchemaTests.copy("schema4", to: path)
    let columns = try ["run_details", "run_summary"].map { view in
      try rows("SELECT name FROM pragma_table_info('\(view)') ORDER BY cid", of: path)
    }
    let registry = try Registry(path: path, mode: mode)
    #expect(try registry.integer("PRAGMA user_version") == Migrations.all.newest)
    #expect(try rows("SELECT value FROM meta WHERE key = 'readable_by'", of: path) == ["4"])
    for (view, old) in zip(["run_details", "run_summary"], columns) {
      let new = try rows("SELECT name FROM pragma_table_info('\(view)') ORDER BY cid", of: path)
      #expect(new == old + ["group_name"])
    }
    #expect(try registry.runs().map(\.name) == ["two", "one"])
    #expect(try registry.runs().map(\.group) == [nil, nil])
    #expect(try registry.runs().map(\.tags) == [[], ["kept"]])
    #expect(try registry.verify().isEmpty)
    let writer = try Registry(path: path, mode: .readWrite(create: false))
    try writer.setGroup("one", to: "ours")
    #expect(try registry.runs(RunQuery(filter: "group = ours")).map(\.name) == ["one"])
    // The views are for other programs.
    let other = try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READONLY, timeout: 1, fileSystem: "unix")
    let groups = "SELECT count(*) FROM run_summary WHERE group_name = 'ours' AND name = 'one'"
    #expect(try other.integer(groups) == 1)
  }

  /// A program that knows schema 4 or 5 reads the file on.
  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func schema5IsBroughtUp(mode: Registry.Mode) throws {
    let path = directory.file("old5.db")
    try SchemaTests.copy("schema5", to: path)
    let names = "SELECT name FROM pragma_table_info('run_checkpoints') ORDER BY cid"
    let columns = try rows(names, of: path)
    // The views are for other programs.
    func hashes() throws -> [String] {
      let other = try Connection(
        opening: path, path: path, flags: SQLITE_OPEN_READONLY, timeout: 1, fileSystem: "unix")
      return try other.rows("SELECT sha256 FROM run_checkpoints", []) { $0.text(0) }
    }
    let before = try hashes()
    let registry = try Registry(path: path, mode: mode)
    #expect(try registry.integer("PRAGMA user_version") == Migrations.all.newest)
    #expect(try rows("SELECT value FROM meta WHERE key = 'readable_by'", of: path) == ["4"])
    #expect(try rows(names, of: path) == columns + ["weights_only"])
    #expect(try hashes() == before && !before.isEmpty)
    let run = try registry.run(matching: "one")
    #expect(run.summary.group == "ours")
    #expect(run.checkpoints.allSatisfy { !$0.isWeightsOnly } && !run.checkpoints.isEmpty)
    #expect(run.sessions.allSatisfy { $0.info.environment == nil && $0.gitChanges == nil })
    #expect(try registry.verify().isEmpty)
    #expect(try rows("PRAGMA user_version", of: path + ".schema5.backup") == ["5"])
  }

  /// What a training's end measured had the name of the last epoch's accuracy, which is also one that a
  /// program may have given to a metric of its own.
  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func schema6IsBroughtUp(mode: Registry.Mode) throws {
    let path = directory.file("old6.db")
    try SchemaTests.copy("schema6", to: path)
    let registry = try Registry(path: path, mode: mode)
    #expect(try registry.integer("PRAGMA user_version") == Migrations.all.newest)
    let measured = try registry.run(matching: "measured")
    #expect(measured.metrics.map(\.name) == ["final_val_accuracy", "tta_val_accuracy"])
    #expect(measured.metrics.map(\.value) == [0.125, 0])
    #expect(measured.summary.lastValAccuracy == measured.epochs.last?.valAccuracy)
    let own = try registry.run(matching: "own")
    #expect(own.metrics.map(\.name) == ["last_val_accuracy", "last_val_accuracy"])
    #expect(own.metrics.map(\.value) == [0.25, 0.5])
    let query = RunQuery(filter: "final_val_accuracy >= 0")
    #expect(try registry.runs(query).map(\.name) == ["measured"])
    #expect(try registry.verify().isEmpty)
    #expect(try rows("PRAGMA user_version", of: path + ".schema6.backup") == ["6"])
  }

  /// What a run began with says how much of its last epoch was planned, unless it was taken further.
  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func schema7IsBroughtUp(mode: Registry.Mode) throws {
    let path = directory.file("old7.db")
    try SchemaTests.copy("schema7", to: path)
    let registry = try Registry(path: path, mode: mode)
    #expect(try registry.integer("PRAGMA user_version") == Migrations.all.newest)
    let runs = try registry.runs(RunQuery(sort: "name", descending: false))
    #expect(runs.map(\.name) == ["further", "part", "whole"])
    #expect(runs.map(\.exactEpochs) == [3, 1.5, 2])
    #expect(runs.map(\.epochsPlanned) == [3, 2, 2])
    let found = try registry.runs(RunQuery(filter: "epochs_planned = 1.5"))
    #expect(found.map(\.name) == ["part"])
    #expect(try registry.verify().isEmpty)
    #expect(try rows("PRAGMA user_version", of: path + ".schema7.backup") == ["7"])
  }

  @Test(arguments: [Registry.Mode.readOnly, .readWrite(create: false)])
  func schema2IsBroughtUp(mode: Registry.Mode) throws {
    let tables = [
      "runs", "sessions", "epochs", "checkpoints", "blobs", "blob_chunks", "metrics",
      "evaluations", "predictions", "tags", "notes", "texts",
    ]
    let columns = try tables.map { table in
      try rows("SELECT name FROM pragma_table_info('\(table)')", of: path2)
    }
    // Every value that schema 2 has, as a text, and what schema 3 says in another way.
    func contents(
      epochs: [(table: String, superseded: String)], kind: String, number: String, rate: String
    ) throws -> [[String]] {
      try zip(tables, columns).map { table, columns in
        let parts = (table == "epochs" ? epochs : [(table, "''")]).map { source, superseded in
          let texts = columns.map { column in
            switch (table, column) {
            case ("predictions", "number"): "quote(\(number))"
            case ("epochs", "lr"): "quote(\(rate))"
            default: "quote(\(column))"
            }
          }
          let all = texts + [superseded] + (table == "predictions" ? [kind] : [])
          return "SELECT \(all.joined(separator: " || ',' || ")) FROM \(source)"
        }
        return try rows(parts.joined(separator: " UNION ALL ") + " ORDER BY 1", of: path2)
      }
    }
    let before = try contents(
      epochs: [("epochs", "0"), ("superseded_epochs", "1")],
      kind: "iif(number < 1000, 'misclassified', 'sample')", number: "number % 1000",
      rate: "lr")
    let sequences = "SELECT name || ' ' || seq FROM sqlite_sequence ORDER BY name"
    let numbers = try rows(sequences, of: path2)
    let registry = try Registry(path: path2, mode: mode)
    #expect(try registry.integer("PRAGMA user_version") == Migrations.all.newest)
    let after = try contents(
      epochs: [("epochs", "superseded")], kind: "kind", number: "number", rate: "learning_rate")
    #expect(after == before)
    #expect(
      try rows("SELECT value FROM meta WHERE key = 'readable_by'", of: path2) == [
        "4"
      ])
    #expect(try rows(sequences, of: path2) == numbers)
    #expect(try registry.verify().isEmpty)
    #expect(try registry.runs().map(\.name) == ["three", "two", "one"])
    let run = try registry.run(matching: "one")
    #expect(run.metrics.map(\.epoch) == [1, 2])
    #expect(run.evaluation?.misclassified.count == 1 && run.evaluation?.samples.count == 1)
    #expect(run.checkpoints.map(\.isSuperseded) == [false, true, true, false])
    #expect(try rows("SELECT count(*) FROM runs", of: path2 + ".schema2.backup") == ["3"])
    // The views are for other programs.
    let other = try Connection(
      opening: path2, path: path2, flags: SQLITE_OPEN_READONLY, timeout: 1, fileSystem: "unix")
    for view in ["run_details", "run_summary"] {
      #expect(try other.integer("SELECT count(*) FROM \(view)") == 3)
    }
    for (view, name, count) in [
      ("run_epochs", "one", run.epochs.count), ("best_epochs", "one", 1),
      ("run_checkpoints", "one", 4),
    ] {
      let sql = "SELECT count(*) FROM \(view) WHERE name = '\(name)'"
      #expect(try other.integer(sql) == Int64(count), "\(view)")
    }
    let best = try other.first("SELECT val_loss FROM best_epochs WHERE name = 'one'", []) {
      $0.value(0)
    }
    #expect(try best == .real(#require(run.summary.bestValLoss)))
  }

  /// What docs/registry.md promises.
  @Test func theViewsKeepTheirColumns() throws {
    let new = directory.file("new.db")
    _ = try Registry(path: new, mode: .readWrite(create: true))
    let metrics =
      "train_loss train_accuracy val_loss val_accuracy learning_rate seconds images_per_second "
      + "cpu_seconds peak_memory"
    for (view, columns) in [
      (
        "run_details",
        "id uuid name status recipe started epochs epochs_planned best_val_accuracy best_val_loss "
          + "last_val_accuracy last_val_loss seed dataset dataset_hash parent parent_checkpoint "
          + "trashed hyperparameters model"
      ),
      (
        "run_summary",
        "run name status recipe dataset started epochs epochs_planned best_val_accuracy "
          + "best_val_loss last_val_accuracy last_val_loss tags"
      ),
      ("run_epochs", "run name epoch " + metrics), ("best_epochs", "run name epoch " + metrics),
      (
        "run_checkpoints",
        "id run name epoch batch step created size sha256 is_best superseded pinned"
      ),
    ] {
      let found = try rows("SELECT name FROM pragma_table_info('\(view)') ORDER BY cid", of: new)
      let promised = columns.split(separator: " ").map(String.init)
      #expect(Array(found.prefix(promised.count)) == promised)
    }
  }

  /// A new file and one that was brought there have the same tables.
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
    ("predictions", "probability", "9e99"), ("superseded_epochs", "epoch", "-epoch"),
    ("epochs", "train_accuracy", "7"), ("epochs", "seconds", "-1"), ("metrics", "session", "0"),
    ("runs", "owner", "-4"), ("notes", "id", "-id"), ("predictions", "number", "-1 - number"),
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
