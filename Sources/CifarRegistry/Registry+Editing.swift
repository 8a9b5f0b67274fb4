import CifarCore

/// What people write on runs.
extension Registry {
  /// Adds a tag; one that is there already stays.
  public func tag(_ run: String, _ tag: String) throws {
    try Registry.checkLabel(tag, "a tag")
    try editing(run) { try Registry.insert(tag: tag, run: $0.key, in: $1) }
  }

  static func insert(tag: String, run: Int64, in connection: Connection) throws {
    try connection.run(
      "INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)", [.integer(run), .text(tag)])
  }

  /// Takes a tag off.
  /// - Throws: `notFound` if the run does not have it.
  public func untag(_ run: String, _ tag: String) throws {
    try editing(run) { run, connection in
      let removed = try connection.run(
        "DELETE FROM tags WHERE run = ? AND tag = ?", [.integer(run.key), .text(tag)])
      guard removed == 1 else {
        throw CifarError(.notFound, "run \(run.uuid.prefix(8)) has no tag '\(tag)'")
      }
    }
  }

  /// Adds a remark, of any number of lines.
  public func note(_ run: String, _ text: String) throws {
    guard text.contains(where: { !$0.isWhitespace }), text.utf8.count <= 100_000 else {
      throw CifarError(.invalidArgument, "a note must have 1 to 100,000 bytes that say something")
    }
    try editing(run) { run, connection in
      _ = try connection.run(
        "INSERT INTO notes (run, created, text) VALUES (?, ?, ?)",
        [.integer(run.key), .time(.now), .text(text)])
    }
  }

  /// Gives a run another name; nil takes it away.
  public func rename(_ run: String, to name: String?) throws {
    if let name { try Registry.checkLabel(name, "a run's name") }
    try editing(run) { run, connection in
      _ = try connection.run(
        "UPDATE runs SET name = ? WHERE id = ?", [.optional(name), .integer(run.key)])
    }
  }

  /// Puts a run into a group, out of the one that it was in; nil takes it out.
  public func setGroup(_ run: String, to group: String?) throws {
    if let group { try Registry.checkLabel(group, "a group's name") }
    try editing(run) { run, connection in
      _ = try connection.run(
        "UPDATE runs SET group_name = ? WHERE id = ?", [.optional(group), .integer(run.key)])
    }
  }

  /// Records how a run's best weights do, class by class; it takes the place of an earlier one.
  public func record(evaluation: ClassEvaluation, of run: String) throws {
    try editing(run) { try EvaluationTable.write(evaluation, run: $0.key, in: $1) }
  }

  /// Makes retention keep a checkpoint, or no longer.
  /// - Throws: `notFound`.
  public func pin(checkpoint id: Int64, _ isPinned: Bool = true) throws {
    try writing { connection in
      _ = try CheckpointTable.entry(id, in: connection)
      try connection.run(
        "UPDATE checkpoints SET pinned = ? WHERE id = ?",
        [.integer(isPinned ? 1 : 0), .integer(id)])
    }
  }

  private func editing(
    _ run: String, _ change: (RunLookup, Connection) throws -> Void
  ) throws {
    try writing { connection in try change(RunLookup.find(run, in: connection), connection) }
  }
}
