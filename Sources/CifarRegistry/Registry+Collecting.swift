import CifarCore

/// Giving back the space of what was taken away.
extension Registry {
  /// What `collectGarbage` came to.
  public struct Collected: Sendable, Equatable {
    /// Runs that were in the trash.
    public var runs: Int
    /// How much smaller the file is.
    public var bytes: Int
  }

  /// Empties the trash and makes the file as small as what is in it.
  ///
  /// Works in steps that hold the file for 50 ms at most, as far as the disk's syncs let them:
  /// others write in between, memory stays flat, and when it is stopped in the middle the next call
  /// continues.
  /// - Throws: `busy` where others held the file all the time that calls wait; `diskFull`, `io`.
  public func collectGarbage() throws -> Collected {
    let before = try fileBytes()
    // A journal that stays in its place from step to step, and steps that a power cut may take back:
    // three syncs a step, none of which waits for the directory. The next call continues in any case.
    try configure("cache_size = -8192", "journal_mode = PERSIST", "synchronous = FULL")
    defer {
      // The journal goes with its mode. Where a lock is in the way, the next writer removes it.
      try? configure("journal_mode = DELETE", "synchronous = EXTRA", "cache_size = -32768")
    }
    var erasure = Erasure(
      runs: try reading { connection in
        try connection.rows(
          "SELECT id, uuid FROM runs WHERE trashed IS NOT NULL ORDER BY id", of: .runs
        ) { try $0.key("id") }
      })
    try writingInSteps(&erasure) { try $0.eraseRun(in: $1) }
    var blob = Int64.min
    try writingInSteps(&blob) { try BlobStore.deleteUnused(after: &$0, in: $1) }
    var text = Int64.min
    try writingInSteps(&text) { try SharedJSON.deleteUnused(after: &$0, in: $1) }
    try shrink()
    return Collected(runs: erasure.erased, bytes: max(0, before - (try fileBytes())))
  }

  func configure(_ settings: String...) throws {
    try locked { connection in
      for setting in settings { try connection.execute("PRAGMA " + setting) }
    }
  }

  /// Gives free pages back, from the end of the file on.
  func shrink() throws {
    var given = 0
    try writingInSteps(&given) { given, connection in
      // Each row that the pragma returns is a page given back.
      let pages = try connection.rows("PRAGMA incremental_vacuum(16)", []) { _ in () }.count
      given += pages
      return pages == 16
    }
  }

  private func fileBytes() throws -> Int {
    try reading { connection in
      let pages = try connection.integer("PRAGMA page_count") ?? 0
      return Int(pages * (try connection.integer("PRAGMA page_size") ?? 0))
    }
  }
}

/// Deletes the rows of runs that are in the trash. Their checkpoints' bytes, which other runs may
/// share, are left to `BlobStore`.
struct Erasure: Sendable {
  private let runs: [Int64]
  private var next = 0
  /// How many runs are gone.
  private(set) var erased = 0

  init(runs: [Int64]) { self.runs = runs }

  /// A run that has more rows than this in a table goes in batches.
  private static let manyRows = 2000
  /// Rows of a batch.
  private static let batch = 500
  private static let isTrashed = "EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND trashed IS NOT NULL)"
  private static let tables = [
    (name: "metrics", key: "run, name, epoch, session"),
    (name: "epochs", key: "run, epoch, session"),
  ]

  /// Deletes a run, or a batch of the rows of a large one.
  /// - Returns: whether there is more to do.
  mutating func eraseRun(in connection: Connection) throws -> Bool {
    guard next < runs.count else { return false }
    let run = SQLValue.integer(runs[next])
    guard try connection.integer("SELECT 1 WHERE \(Erasure.isTrashed)", [run]) != nil else {
      next += 1
      return next < runs.count
    }
    // Not by the end of the run's row: that takes all of a run's rows in one go.
    for table in Erasure.tables {
      let many = """
        SELECT count(*) FROM (SELECT 1 FROM \(table.name) WHERE run = ? LIMIT \(Erasure.manyRows + 1))
        """
      guard try connection.integer(many, [run]) ?? 0 > Erasure.manyRows else { continue }
      try mark(runs[next], in: connection)
      try connection.run(
        """
        DELETE FROM \(table.name) WHERE (\(table.key)) IN
          (SELECT \(table.key) FROM \(table.name) WHERE run = ?1 LIMIT \(Erasure.batch))
        """, [run])
      return true
    }
    try connection.run("DELETE FROM checkpoints WHERE run = ?", [run])
    try connection.run("DELETE FROM runs WHERE id = ?", [run])
    try connection.run("DELETE FROM meta WHERE key = \(Erasure.key)", [run])
    erased += 1
    next += 1
    return next < runs.count
  }

  // A run that is half gone must not come back: its key stands in the table of facts until it is
  // gone whole.

  private static let key = "'erasing ' || ?1"

  private func mark(_ run: Int64, in connection: Connection) throws {
    if try Erasure.isUnderWay(of: run, in: connection) { return }
    try connection.run(
      "INSERT INTO meta (key, value) VALUES (\(Erasure.key), 1)", [.integer(run)])
    try connection.run("DELETE FROM checkpoints WHERE run = ?", [.integer(run)])
  }

  /// Whether a `gc` has begun to delete a run and was stopped.
  static func isUnderWay(of run: Int64, in connection: Connection) throws -> Bool {
    try connection.integer("SELECT 1 FROM meta WHERE key = \(key)", [.integer(run)]) != nil
  }
}
