import CSQLite
import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct MigrationTests {
  let directory: TemporaryDirectory
  let path: String
  static let old = Migrations(steps: [
    Migration(version: 1, sql: "CREATE TABLE a (x INTEGER) STRICT")
  ])
  static let new = Migrations(
    steps: old.steps + [
      Migration(version: 2, sql: "ALTER TABLE a ADD COLUMN y INTEGER"),
      Migration(version: 3, sql: "INSERT INTO a (x, y) SELECT x + 1, 0 FROM a"),
    ])

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("runs.db")
    let registry = try open(MigrationTests.old)
    try registry.locked { try $0.execute("INSERT INTO a VALUES (41)") }
  }

  func open(_ migrations: Migrations, _ mode: Registry.Mode = .readWrite(create: true)) throws
    -> Registry
  {
    try Registry(path: path, mode: mode, busyTimeout: 30, migrations: migrations)
  }

  func sum(_ path: String) throws -> Int64? {
    let connection = try Connection(
      opening: path, path: path, flags: SQLITE_OPEN_READONLY, timeout: 1)
    #expect(try connection.first("PRAGMA integrity_check", [], { $0.text(0) }) == "ok")
    return try connection.integer("SELECT sum(x) FROM a")
  }

  @Test func anOldFileIsCopiedThenChanged() throws {
    let registry = try open(MigrationTests.new)
    #expect(try registry.integer("PRAGMA user_version") == 3)
    #expect(try sum(path) == 83)
    let backup = path + ".schema1.backup"
    #expect(try sum(backup) == 41)
    #expect(directory.contents == ["runs.db", "runs.db.schema1.backup"])
  }

  /// As after a process that was killed between the copy and the commit.
  @Test func theSameFileIsCopiedOnce() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    for count in 1...3 {
      try before.write(to: URL(fileURLWithPath: path))
      if count == 3 {
        let connection = try Connection(
          opening: path, path: path, flags: SQLITE_OPEN_READWRITE, timeout: 1)
        try connection.execute("INSERT INTO a VALUES (7)")
      }
      _ = try open(MigrationTests.new)
      let copies = directory.contents.filter { $0.hasPrefix("runs.db.schema1.backup") }
      #expect(copies.count == (count == 3 ? 2 : 1))
    }
  }

  @Test func ofManyThatOpenAnOldFileOneMigratesIt() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<10 { group.addTask { _ = try open(MigrationTests.new) } }
      try await group.waitForAll()
    }
    #expect(try sum(path) == 83)
  }

  @Test func aStepThatFailsChangesNothing() throws {
    let broken = Migrations(
      steps: MigrationTests.new.steps + [
        Migration(version: 4, sql: "INSERT INTO nowhere VALUES (1)")
      ])
    for _ in 0..<2 { #expect(throws: CifarError.self) { try open(broken) } }
    #expect(try sum(path) == 41)
    #expect(directory.contents == ["runs.db"])
    let registry = try open(MigrationTests.old)
    #expect(try registry.integer("PRAGMA user_version") == 1)
  }

  @Test func aReaderMigratesToo() throws {
    let registry = try open(MigrationTests.new, .readOnly)
    #expect(try registry.integer("SELECT sum(x) FROM a") == 83)
    #expect(directory.contents == ["runs.db", "runs.db.schema1.backup"])
    #expect(throws: CifarError.self) { try registry.locked { try $0.execute("DELETE FROM a") } }
  }

  @Test func everyStepHasAVersionAndAName() {
    let steps = Migrations.all.steps
    #expect(steps.map(\.version) == (1...Migrations.all.newest).map { $0 })
    #expect(Set(steps.map(\.name)).count == steps.count && !steps.contains { $0.name.isEmpty })
  }

  @Test func manyMayCreateAFileAtOnce() async throws {
    let path = directory.file("fresh.db")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<10 {
        group.addTask {
          let registry = try Registry(path: path, mode: .readWrite(create: true))
          try registry.createRun(Sample.run()).finish(status: .completed, reason: "done")
        }
      }
      try await group.waitForAll()
    }
    #expect(try Registry(path: path, mode: .readOnly).runs().count == 10)
  }
}
