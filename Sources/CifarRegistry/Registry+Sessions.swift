import CifarCore

extension Registry {
  /// Writes down a new run and becomes its owner.
  /// - Throws: `invalidArgument` for a name that cannot be shown, for JSON that is none; `busy` where the
  ///   group has a run of this seed and is to have one only.
  public func createRun(_ run: NewRun) throws -> RunSession {
    try Registry.check(run)
    let uuid = UUIDText.random()
    let keys = try writing { connection in
      if run.isOnlyOfItsSeed { try Registry.requireFirst(run, in: connection) }
      return try Registry.insert(run, uuid: uuid, in: connection)
    }
    return RunSession(registry: self, id: uuid, keys: keys, resumedFrom: nil)
  }

  /// Of several processes that train a group one makes the run of a seed.
  private static func requireFirst(_ run: NewRun, in connection: Connection) throws {
    guard let group = run.group else { return }
    let other = try connection.first(
      "SELECT uuid FROM runs WHERE group_name = ? AND seed = ? AND trashed IS NULL",
      [.text(group), .text(String(run.seed))], of: .runs
    ) { try $0.text("uuid") }
    guard let other else { return }
    throw CifarError(
      .busy,
      "the group '\(group.excerpt)' has a run of the seed \(run.seed) meanwhile, \(other.prefix(8)), which "
        + "another process made")
  }

  /// Writes down a run that was checked, and its first session, which owns it.
  static func insert(
    _ run: NewRun, uuid: String, started: Timestamp = .now, in connection: Connection
  ) throws -> SessionKeys {
    for (what, json) in [("hyperparameters", run.hyperparameters), ("model", run.model)] {
      // `json_type` fails on text that is no JSON: only CASE is certain to evaluate it second.
      let isObject = "SELECT CASE WHEN json_valid(?1) THEN json_type(?1) = 'object' END"
      if try connection.integer(isObject, [.text(json)]) != 1 {
        throw CifarError(.invalidArgument, "the run's \(what) must be a JSON object")
      }
    }
    guard let model = try SharedJSON.intern(run.model, in: connection) else {
      throw CifarError(.internal, "the model's specification was not stored")
    }
    let shared = try SharedJSON.intern(
      run.hyperparameters, as: Schema2.sharedMembers("?1"), in: connection)
    try connection.run(
      """
      INSERT INTO runs (uuid, name, status, recipe, started, epochs_planned, exact_epochs, seed, dataset,
        dataset_hash, keep_last, keep_every, model, shared, group_name, hyperparameters)
      VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
        \(Schema2.ownMembers("?15")))
      """,
      [
        .text(uuid), .optional(run.name), .text(run.recipe), .time(started),
      ] + Registry.planned(run.epochsPlanned) + [
        .text(String(run.seed)), .text(run.dataset),
        .optional(run.datasetHash), .optional(run.retention.last),
        .optional(run.retention.every), .integer(model), shared.map { .integer($0) } ?? .null,
        .optional(run.group), .text(run.hyperparameters),
      ])
    let key = connection.lastInsertedID
    let owner = try beginSession(
      run: key, info: run.session, resuming: nil, now: started, in: connection)
    for tag in run.tags { try insert(tag: tag, run: key, in: connection) }
    return SessionKeys(run: key, session: owner.id, token: owner.token)
  }

  /// Takes up a run at one of its checkpoints.
  ///
  /// Of several that try at the same time one succeeds. Nothing of the run's history changes until
  /// the session records something.
  /// - Parameters:
  ///   - run: as for `run(matching:)`.
  ///   - epochsPlanned: the new goal; nil keeps the old one.
  ///   - retention: which checkpoints to keep from now on; nil changes nothing.
  ///   - takeOver: also take a run that seems to be running, for example on a machine that cannot
  ///     be asked. Its session can write nothing from then on.
  ///   - chosen: what `choice` was taken from, some time ago: it must still name the same checkpoint.
  /// - Throws: `notFound`, `ambiguous`; `busy` if the run is running; `MovedCheckpoint`.
  public func resumeRun(
    _ run: String, from choice: CheckpointChoice = .last, session info: SessionInfo,
    epochsPlanned: Double? = nil, retention: Retention? = nil, takeOver: Bool = false,
    chosen: ChosenCheckpoint? = nil
  ) throws -> RunSession {
    try retention?.check()
    try Registry.check(info)
    if let epochsPlanned { try Registry.checkEpochs(epochsPlanned) }
    let now = Timestamp.now
    let (found, keys, row) = try writing { connection in
      let found = try RunLookup.find(run, in: connection)
      try Registry.endPrevious(of: found, takeOver: takeOver, now: now, in: connection)
      if let chosen {
        let present = try CheckpointTable.id(chosen.choice, of: found.key, in: connection)
        guard present == chosen.id else { throw MovedCheckpoint() }
      }
      let entry = try CheckpointTable.entry(choice, of: found, in: connection)
      let owner = try Registry.beginSession(
        run: found.key, info: info, resuming: entry, now: now, in: connection)
      if let epochsPlanned {
        try connection.run(
          "UPDATE runs SET epochs_planned = ?, exact_epochs = ? WHERE id = ?",
          Registry.planned(epochsPlanned) + [.integer(found.key)])
      }
      if let retention {
        try connection.run(
          "UPDATE runs SET keep_last = ?, keep_every = ? WHERE id = ?",
          [.optional(retention.last), .optional(retention.every), .integer(found.key)])
      }
      let keys = SessionKeys(run: found.key, session: owner.id, token: owner.token)
      return (found.uuid, keys, entry.row)
    }
    return RunSession(registry: self, id: found, keys: keys, resumedFrom: row)
  }

  /// Checks whether a run could be resumed or removed, before anything is prepared for it.
  /// - Throws: `notFound`, `ambiguous`; `busy` if it is running and not to be taken over.
  public func requireIdle(_ run: String, takeOver: Bool) throws {
    try reading { connection in
      let found = try RunLookup.find(run, in: connection)
      _ = try SessionProcess.of(found.key, in: connection)?.requireGone(
        from: found, takeOver: takeOver, now: .now)
    }
  }

  /// Closes the session that owned the run, if it is dead or has to go.
  private static func endPrevious(
    of run: RunLookup, takeOver: Bool, now: Timestamp, in connection: Connection
  ) throws {
    guard let previous = try SessionProcess.of(run.key, in: connection) else { return }
    let isDead = try previous.requireGone(from: run, takeOver: takeOver, now: now)
    // The session has not said how it ended: its last sign of life stands for that.
    try connection.run(
      "UPDATE sessions SET ended = max(heartbeat, started), status = ?, reason = ? WHERE id = ?",
      isDead
        ? [
          .text("crashed"), .text("its process ended without recording an end"),
          .integer(previous.session),
        ]
        : [.text("interrupted"), .text("taken over by a resume"), .integer(previous.session)])
  }

  static func beginSession(
    run: Int64, info: SessionInfo, resuming checkpoint: CheckpointTable.Entry?, now: Timestamp,
    in connection: Connection
  ) throws -> (id: Int64, token: String) {
    let token = UUIDText.random()
    let process = ProcessIdentity.current
    let environment = try info.environment.map { try JSONValue.object($0).text }
    let changes = try info.gitChanges.flatMap { changes in
      changes.isEmpty ? nil : try SharedJSON.intern(changes.json.text, in: connection)
    }
    try connection.run(
      """
      INSERT INTO sessions (run, token, started, heartbeat, status, resumed_session, resumed_epoch,
        resumed_batch, host, boot_id, pid_namespace, pid, pid_start_ticks, library_version,
        instruction_set, threads, command_line, working_directory, git_commit, environment,
        git_changes)
      VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(run), .text(token), .time(now), .time(now),
        checkpoint.map { .integer($0.session) } ?? .null, .optional(checkpoint?.row.epoch),
        .optional(checkpoint?.row.batch), .text(process.host), .text(process.bootID),
        .text(process.pidNamespace), .integer(Int(process.pid)), .integer(process.startTicks),
        .text(info.libraryVersion), .text(info.instructionSet), .integer(info.threads),
        .text(info.commandLine), .optional(info.workingDirectory), .optional(info.gitCommit),
        .optional(environment), changes.map { .integer($0) } ?? .null,
      ])
    let session = connection.lastInsertedID
    try connection.run(
      "UPDATE runs SET owner = ?, status = 'running' WHERE id = ?",
      [.integer(session), .integer(run)])
    return (session, token)
  }

  /// What `createRun` asks of a run, without a registry: a program that checks first makes no file for
  /// an illegal run.
  /// - Throws: `invalidArgument`.
  public static func check(_ run: NewRun) throws {
    try check(name: run.name, tags: run.tags, group: run.group)
    try checkEpochs(run.epochsPlanned)
    try check(run.session)
    try run.retention.check()
  }

  /// Makes sure that a run may have these labels.
  public static func check(name: String?, tags: [String], group: String?) throws {
    if let name { try checkLabel(name, "a run's name") }
    for tag in tags { try checkLabel(tag, "a tag") }
    if let group { try checkLabel(group, "a group's name") }
  }

  /// Names, tags and groups are one line and no longer than a line.
  static func checkLabel(_ text: String, _ what: String) throws {
    let isShowable = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    let isBlank = text.allSatisfy(\.isWhitespace)
    guard !isBlank, text.utf8.count <= 200, isShowable else {
      throw CifarError(
        .invalidArgument,
        "\(what) must have 1 to 200 bytes, not only blanks, and no control characters")
    }
  }

  static func check(_ session: SessionInfo) throws {
    guard (0...Limits.threads).contains(session.threads) else {
      throw CifarError(
        .invalidArgument, "threads \(session.threads) is not in 0 to \(Limits.threads)")
    }
  }

  /// `epochs_planned` and `exact_epochs`, which is NULL for whole ones.
  private static func planned(_ epochs: Double) -> [SQLValue] {
    let whole = epochs.rounded(.up)
    return [.integer(Int(whole)), .number(whole == epochs ? nil : epochs)]
  }

  private static func checkEpochs(_ count: Double) throws {
    guard (0...Double(Limits.epochs)).contains(count) else {
      throw CifarError(
        .invalidArgument, "the number of epochs, \(count), is not in 0 to \(Limits.epochs)")
    }
  }
}

enum UUIDText {
  /// A random UUID (RFC 9562, version 4), lowercase. Random from its first digit on, so that a
  /// short prefix is enough to name a run.
  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
      text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Whether a text is a UUID in the form that this library writes: lowercase, with hyphens.
  static func isValid(_ text: String) -> Bool {
    text.utf8.count == 36
      && text.utf8.enumerated().allSatisfy { index, byte in
        switch index {
        case 8, 13, 18, 23: byte == UInt8(ascii: "-")
        default:
          (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
      }
  }
}
