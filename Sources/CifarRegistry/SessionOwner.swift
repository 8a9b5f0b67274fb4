/// The process behind a session, with its last sign of life.
struct SessionOwner {
  /// The columns it is read from, in this order.
  static let columns = "heartbeat, host, boot_id, pid_namespace, pid, pid_start_ticks"

  var heartbeat: Timestamp
  var process: ProcessIdentity

  init(_ row: Statement, from column: Int) {
    heartbeat = row.time(column)
    process = ProcessIdentity(
      host: row.text(column + 1), bootID: row.text(column + 2), pidNamespace: row.text(column + 3),
      pid: Int32(truncatingIfNeeded: row.integer(column + 4)), startTicks: row.integer(column + 5))
  }

  func life(seenFrom observer: ProcessIdentity, now: Timestamp) -> ProcessIdentity.Life {
    process.life(seenFrom: observer, secondsSilent: now.seconds(since: heartbeat))
  }
}
