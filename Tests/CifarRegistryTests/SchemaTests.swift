import CSQLite
import CifarCore
import Foundation
import Testing

@testable import CifarRegistry

/// Files that released libraries wrote, brought to the present schema.
@Suite struct SchemaTests {
  let directory: TemporaryDirectory
  let path: String
  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("old.db")
    // Two runs of three epochs that the library with schema 1 trained.
    let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/schema1.sqlite")
    try FileManager.default.copyItem(atPath: fixture.path, toPath: path)
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
    let registry = try Registry(path: path, mode: .readWrite(create: false))
    let text = try registry.integer(
      """
      SELECT count(*) FROM run_details WHERE hyperparameters ->> '$.batch_size' = 32
        AND hyperparameters ->> '$.model_spec.layers[0].type' = 'conv2d'
        AND json_valid(hyperparameters) AND json_valid(model)
      """)
    #expect(text == 2)
  }
}
