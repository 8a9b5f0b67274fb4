import CifarCore

/// The process of a session, with its last sign of life.
struct SessionProcess: Sendable {
  /// The columns it is read from.
  static let columns = "s.id, heartbeat, host, boot_id, pid_namespace, pid, pid_start_ticks"

  var session: Int64
  var heartbeat: Timestamp
  var process: ProcessIdentity

  init(_ row: Row) throws {
    session = try row.key("id")
    heartbeat = try row.time("heartbeat")
    process = ProcessIdentity(
      host: try row.text("host"), bootID: try row.text("boot_id"),
      pidNamespace: try row.text("pid_namespace"),
      pid: Int32(clamping: try row.count("pid", in: 0...Int(Int32.max))),
      startTicks: Int64(try row.count("pid_start_ticks")))
  }

  func life(seenFrom observer: ProcessIdentity, now: Timestamp) -> ProcessIdentity.Life {
    process.life(seenFrom: observer, secondsSilent: now.seconds(since: heartbeat))
  }

  /// The session that has a run at present, if it has not said how it ended.
  static func of(_ run: Int64, in connection: Connection) throws -> SessionProcess? {
    try connection.first(
      """
      SELECT \(columns) FROM runs r JOIN sessions s ON s.id = r.owner
      WHERE r.id = ? AND s.status = 'running'
      """, [.integer(run)], of: .sessions, SessionProcess.init)
  }

  /// - Returns: whether the session is dead for certain.
  /// - Throws: `busy` if it lives, or may live, and is not to be taken over.
  func requireGone(
    from run: RunLookup, takeOver: Bool, now: Timestamp
  ) throws -> Bool {
    let life = life(seenFrom: .current, now: now)
    if life == .dead { return true }
    if takeOver { return false }
    let silence = max(0, Int(now.seconds(since: heartbeat)))
    let process = "process \(process.pid) on \(process.host.excerpt)"
    let sign =
      life == .alive ? "" : ", last heard of \(silence) s ago; it cannot be asked from here"
    throw CifarError(
      .busy,
      "run \(run.uuid.prefix(8)) is running (\(process)\(sign)); stop it first, or, if you know that "
        + "it is gone, take the run over: --take-over of cifar resume and cifar-runs rm (take_over in C "
        + "and Python)")
  }
}
