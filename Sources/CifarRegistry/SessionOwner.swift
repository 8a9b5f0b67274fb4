/// The process behind a session, with its last sign of life.
struct SessionOwner {
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
}
