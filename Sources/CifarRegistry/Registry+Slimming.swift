import CheckpointFormat
import CifarCore

/// Taking from finished runs what only a training needs.
extension Registry {
  /// What `slim` came to.
  public struct Slimmed: Sendable, Equatable {
    public struct Run: Sendable, Equatable {
      /// UUID.
      public var id: String
      public var name: String?
      /// Those that have their weights only from now on.
      public var checkpoints = 0
      /// How many bytes less are stored.
      public var bytes = 0
    }

    /// Those of which something was taken.
    public var runs: [Run] = []
    /// Runs that were chosen without being named, and have not completed.
    public var unfinished = 0
    /// Checkpoints that were left as they are because they are damaged, a sentence each.
    public var problems: [String] = []

    public var checkpoints: Int { runs.reduce(0) { $0 + $1.checkpoints } }
    public var bytes: Int { runs.reduce(0) { $0 + $1.bytes } }
  }

  /// Leaves completed runs the full state of their last checkpoint, and of the others the weights. These
  /// can be evaluated and exported as before; resume and fork need a full state.
  ///
  /// What is pinned stays whole. Each run is changed in a transaction of its own, and the file gives
  /// the space back at the end; after an interruption the next call continues.
  ///
  /// - Parameters:
  ///   - runs: as for `run(matching:)`.
  ///   - areNamed: whether a person named each of them: one that has not completed is an error then,
  ///     and nothing is changed; else it is left as it is.
  ///   - dryRun: only say what would be done.
  /// - Throws: `notFound`, `ambiguous`; `invalidState` for a run that was named and has not completed.
  public func slim(_ runs: [String], areNamed: Bool, dryRun: Bool = false) throws -> Slimmed {
    var slimmed = Slimmed()
    var chosen: [RunLookup] = []
    for run in runs {
      let (found, status) = try reading { connection in
        let found = try RunLookup.find(run, in: connection)
        return (found, try Registry.status(of: found, in: connection))
      }
      if status == .completed {
        if !chosen.contains(where: { $0.key == found.key }) { chosen.append(found) }
      } else if areNamed {
        throw CifarError(
          .invalidState,
          "nothing was changed: run \(found.uuid.prefix(8)) is \(status.rawValue), and only completed "
            + "runs are slimmed, because others may be resumed")
      } else {
        slimmed.unfinished += 1
      }
    }
    var plan = Plan(writes: !dryRun)
    for run in chosen {
      plan.checkpoints.formUnion(
        try reading { try Registry.eligible(of: run, in: $0).map(\.id) })
    }
    for run in chosen {
      let (result, problems) =
        try dryRun
        ? reading { try Registry.slim(run, &plan, in: $0) }
        : writing { try Registry.slim(run, &plan, in: $0) }
      slimmed.problems += problems
      if result.checkpoints > 0 { slimmed.runs.append(result) }
    }
    // Also what an interrupted call left free.
    if !dryRun { try shrink() }
    return slimmed
  }

  private static func status(of run: RunLookup, in connection: Connection) throws -> RunStatus {
    let liveness = try Liveness(in: connection)
    let status = try connection.first(
      "SELECT r.id, \(liveness.status) AS status FROM runs r WHERE r.id = ?", [.integer(run.key)],
      of: .runs
    ) { try $0.text("status", as: "a status such as completed") { RunStatus(rawValue: $0) } }
    guard let status else {
      throw CifarError(.notFound, "run \(run.uuid.prefix(8)) is no longer in \(connection.path)")
    }
    return status
  }

  /// What a call does to all the runs that it is given, which may have the same bytes: forks, and runs
  /// that were run again.
  private struct Plan {
    let writes: Bool
    /// Those that can get weights in the place of their bytes.
    var checkpoints: Set<Int64> = []
    /// How many of a blob's checkpoints have lost it, where that is not written.
    var released: [Int64: Int64] = [:]
    /// SHA-256 of weights that are stored in the place of bytes.
    var new: Set<String> = []
    /// How many bytes were stored in the place of a blob that others still have: they count with the
    /// run that gives it up last, as what it frees.
    var spent: [Int64: Int] = [:]

    init(writes: Bool) { self.writes = writes }

    /// Whether bytes are had by a checkpoint that keeps them: then there is nothing to gain.
    func keeps(_ blob: Int64, in connection: Connection) throws -> Bool {
      try connection.rows(
        "SELECT id FROM checkpoints WHERE blob = ?", [.integer(blob)], of: .checkpoints
      ) { try $0.key("id") }.contains { !checkpoints.contains($0) }
    }
  }

  private static func eligible(
    of run: RunLookup, in connection: Connection
  ) throws -> [CheckpointRow] {
    let last = try CheckpointTable.id(.last, of: run.key, in: connection)
    return try CheckpointTable.all(of: run.key, in: connection)
      .filter { $0.id != last && !$0.isPinned && !$0.isWeightsOnly }
  }

  private static func slim(
    _ run: RunLookup, _ plan: inout Plan, in connection: Connection
  ) throws -> (Slimmed.Run, problems: [String]) {
    var result = Slimmed.Run(
      id: run.uuid,
      name: try connection.first(
        "SELECT id, name FROM runs WHERE id = ?", [.integer(run.key)], of: .runs
      ) { try $0.optionalText("name") } ?? nil)
    // Someone may have resumed it since it was looked at.
    guard try status(of: run, in: connection) == .completed else { return (result, []) }
    var problems: [String] = []
    var old: [Int64: Int] = [:]
    for row in try eligible(of: run, in: connection) {
      let entry = try CheckpointTable.entry(row.id, in: connection)
      if try plan.keeps(entry.blob, in: connection) { continue }
      let weights: [UInt8]?
      do {
        weights = try Registry.weights(of: entry, in: connection)
      } catch let error as CifarError where [.checksumMismatch, .badData].contains(error.code) {
        problems.append(error.message)
        continue
      }
      guard let weights else { continue }
      let hash = SHA256.hexadecimal(of: weights)
      let isKnown = try connection.integer(
        "SELECT 1 FROM blobs WHERE sha256 = ? AND size = ?", [.text(hash), .integer(weights.count)])
      if isKnown == nil, plan.new.insert(hash).inserted {
        plan.spent[entry.blob, default: 0] += weights.count
      }
      old[entry.blob] = row.size
      plan.released[entry.blob, default: 0] += 1
      result.checkpoints += 1
      guard plan.writes else { continue }
      let blob = try BlobStore.insert(weights, sha256: hash, in: connection)
      try connection.run(
        "UPDATE checkpoints SET blob = ?, weights_only = 1 WHERE id = ?",
        [.integer(blob), .integer(row.id)])
    }
    for (blob, size) in old {
      let count =
        try connection.integer(
          "SELECT count(*) FROM checkpoints WHERE blob = ?", [.integer(blob)]) ?? 0
      // They go with the last checkpoint that has them.
      if count == (plan.writes ? 0 : plan.released[blob] ?? 0) {
        result.bytes += size - (plan.spent[blob] ?? 0)
      }
    }
    if plan.writes { try BlobStore.deleteUnused(Array(old.keys), in: connection) }
    return (result, problems)
  }

  /// The checkpoint's file with its weights only; nil where it has nothing else.
  private static func weights(
    of entry: CheckpointTable.Entry, in connection: Connection
  ) throws -> [UInt8]? {
    let owner = "checkpoint \(entry.row.id) of run \(entry.row.run.prefix(8))"
    var bytes: [UInt8] = []
    try BlobStore.read(entry.blob, of: owner, in: connection) {
      try bytes.append(securedContentsOf: $0, of: "the bytes of a checkpoint")
    }
    do {
      let container = try CheckpointContainer(bytes)
      guard container.tensors.contains(where: { $0.role != .model }) else { return nil }
      return try container.weightsOnly().encoded()
    } catch let error as CifarError where error.code == .badData {
      throw CifarError(.badData, "\(owner) in \(connection.path) is damaged: \(error.message)")
    }
  }
}
