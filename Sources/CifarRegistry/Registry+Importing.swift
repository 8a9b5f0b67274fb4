import CifarCore

/// A run that comes from a file.
public struct ImportedRun: Sendable {
  public var run: NewRun
  public var checkpoint: NewCheckpoint
  /// From the first on, as far as they are known.
  public var epochs: [EpochMetrics] = []
  public var metrics: [MetricRow] = []
  public var notes: [String] = []
  public var end: SessionEnd
  /// How long the training took, as far as that is known: a new run started that long before its end.
  public var seconds = 0.0
  /// The session whose end could not be written and that left the file.
  public var origin: Origin?

  public struct Origin: Sendable, Equatable {
    /// The run's UUID.
    public var run: String
    /// `RunSession.token`.
    public var token: String

    public init(run: String, token: String) {
      self.run = run
      self.token = token
    }
  }

  public init(run: NewRun, checkpoint: NewCheckpoint, end: SessionEnd) {
    self.run = run
    self.checkpoint = checkpoint
    self.end = end
  }

  /// Not before 1970: a file may say anything.
  fileprivate var started: Timestamp {
    let ended = end.time.millisecondsSince1970
    let most = Double(max(0, ended))
    let taken = seconds > 0 ? min((seconds * 1000).rounded(), most) : 0
    return Timestamp(millisecondsSince1970: ended - Int64(taken))
  }
}

extension Registry {
  /// What an import came to.
  public enum Imported: Sendable, Equatable {
    /// A new run, with its UUID.
    case new(String)
    /// The run that the file came from has what it lacked.
    case completed(String)
    /// The run that the file came from lacks nothing of it.
    case known(String)

    public var run: String {
      switch self {
      case .new(let run), .completed(let run), .known(let run): run
      }
    }
  }

  /// Takes up a run from a file, in one transaction.
  ///
  /// Where the session that left the file is the last one of its run, that run gets what could not be
  /// written then: epochs, checkpoint and end. Otherwise, and for a file of another registry, it is a
  /// new run.
  /// - Throws: `invalidArgument` for an illegal value.
  public func importRun(_ imported: ImportedRun) throws -> Imported {
    try Registry.check(imported.run)
    let entries =
      imported.epochs.map { SessionEntry.epoch($0) }
      + [.metrics(imported.metrics)] + imported.notes.map { .note($0) }
    var checkpoint = imported.checkpoint
    checkpoint.hash()
    let rest: [SessionEntry] = [.checkpoint(checkpoint), .end(imported.end)]
    for entry in entries + rest { try entry.check() }
    return try writing { connection in
      if let origin = imported.origin,
        let keys = try Registry.lastSession(origin, in: connection)
      {
        return try Registry.complete(origin.run, keys, imported, checkpoint, in: connection)
      }
      let uuid = UUIDText.random()
      let keys = try Registry.insert(
        imported.run, uuid: uuid, started: imported.started, in: connection)
      _ = try SessionEntry.write(
        entries + rest, of: keys, run: "\(uuid.prefix(8))", becomesCurrent: true, in: connection)
      return .new(uuid)
    }
  }

  /// The keys of the session that left a file, if no other session has continued its run since.
  private static func lastSession(
    _ origin: ImportedRun.Origin, in connection: Connection
  ) throws -> SessionKeys? {
    try connection.first(
      """
      SELECT r.id, r.uuid, s.id AS session FROM runs r JOIN sessions s ON s.run = r.id
      WHERE r.uuid = ? AND s.token = ? AND r.trashed IS NULL
        AND s.id = (SELECT max(id) FROM sessions WHERE run = r.id)
      """, [.text(origin.run), .text(origin.token)], of: .runs
    ) {
      SessionKeys(run: try $0.key("id"), session: try $0.key("session"), token: origin.token)
    }
  }

  private static func complete(
    _ run: String, _ keys: SessionKeys, _ imported: ImportedRun, _ checkpoint: NewCheckpoint,
    in connection: Connection
  ) throws -> Imported {
    let hasCheckpoint = try connection.integer(
      "SELECT 1 FROM checkpoints WHERE session = ? AND (epoch, batch) >= (?, ?)",
      [.integer(keys.session), .integer(checkpoint.epoch), .integer(checkpoint.batch)])
    if hasCheckpoint != nil { return .known(run) }
    try Lineage.mark(to: keys.session, run: keys.run, in: connection)
    let known = Set(
      try EpochTable.rows(of: keys.run, in: connection).map(\.epoch))
    let missing = imported.epochs.filter { !known.contains($0.epoch) }
    let metrics = imported.metrics.filter { metric in
      missing.contains { $0.epoch == metric.epoch }
    }
    var entries = missing.map { SessionEntry.epoch($0) }
    if !metrics.isEmpty { entries.append(.metrics(metrics)) }
    entries += [.checkpoint(checkpoint), .end(imported.end)]
    _ = try SessionEntry.write(
      entries, of: keys, run: "\(run.prefix(8))", becomesCurrent: false, in: connection)
    return .completed(run)
  }
}
