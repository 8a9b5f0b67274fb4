import CifarCore

/// What was recorded of a run in one file, to be compared with what another file has of it.
struct RunHistory {
  struct Session: Equatable {
    var key: Int64
    var token: String
    var started: String
    var heartbeat: String
    var ended: String?
    var status: String
    var reason: String
    var host: String

    /// A session that has ended knows more than one that has not.
    func isLater(than other: Session) -> Bool {
      switch (ended, other.ended) {
      case (nil, nil): heartbeat > other.heartbeat
      case (.some, nil): true
      case (nil, .some): false
      case (.some(let own), .some(let others)): own > others
      }
    }

    /// Whether both files say the same of it; its key is each file's own.
    func isSame(as other: Session) -> Bool {
      var other = other
      other.key = key
      return self == other
    }
  }

  /// A row by the session that wrote it.
  struct RowKey: Hashable {
    var token: String
    /// Of a metric of the program's own.
    var name: String?
    var epoch: Int
  }

  let run: Int64
  /// Oldest first.
  let sessions: [Session]
  private let connection: Connection

  init(of run: Int64, in connection: Connection) throws {
    self.run = run
    self.connection = connection
    sessions = try connection.rows(
      """
      SELECT id, token, started, heartbeat, ended, status, reason, host FROM sessions
      WHERE run = ? ORDER BY id
      """, [.integer(run)], of: .sessions
    ) {
      Session(
        key: try $0.key("id"), token: try $0.text("token"), started: try $0.text("started"),
        heartbeat: try $0.text("heartbeat"), ended: try $0.optionalText("ended"),
        status: try $0.text("status"), reason: try $0.text("reason"), host: try $0.text("host"))
    }
  }

  /// What an epoch's row says. Metrics of the program's own have no values here: it may measure one
  /// again.
  private static let columns = EpochMetric.allCases.map(\.name) + ["nan"]

  /// How many rows there are, and the sums of what they say: where these are the same in two files, the
  /// rows need not be read.
  private func sums() throws -> [String?] {
    let totals = RunHistory.columns.map { "quote(total(\($0)))" }.joined(separator: " || ' ' || ")
    return try ["count(*) || ' ' || \(totals) FROM epochs", "count(*) FROM metrics"].map {
      try connection.first("SELECT \($0) WHERE run = ?", [.integer(run)]) { $0.text(0) } ?? nil
    }
  }

  private func rows() throws -> [RowKey: [FieldValue]] {
    let columns = RunHistory.columns
    let tokens = Dictionary(uniqueKeysWithValues: sessions.map { ($0.key, $0.token) })
    var rows: [RowKey: [FieldValue]] = [:]
    for (key, values) in try connection.rows(
      "SELECT run, session, epoch, \(columns.joined(separator: ", ")) FROM epochs WHERE run = ?",
      [.integer(run)], of: .epochs,
      { row in
        (
          RowKey(
            token: tokens[try row.key("session")] ?? "",
            epoch: try row.count("epoch", in: 1...Limits.epochs)), try columns.map(row.value)
        )
      })
    { rows[key] = values }
    for key in try connection.rows(
      "SELECT run, session, name, epoch FROM metrics WHERE run = ?", [.integer(run)], of: .metrics,
      { row in
        RowKey(
          token: tokens[try row.key("session")] ?? "", name: try row.text("name"),
          epoch: try row.count("epoch", in: 1...Limits.epochs))
      })
    { rows[key] = [] }
    return rows
  }

  /// How what one file has of a run relates to what another has.
  enum Relation: Equatable {
    case same
    case ahead
    case behind
    /// Each has something that the other has not; the text says what.
    case conflict(String)
  }

  func relation(to other: RunHistory) throws -> Relation {
    let isSame =
      sessions.count == other.sessions.count
      && zip(sessions, other.sessions).allSatisfy { $0.isSame(as: $1) }
    if isSame, try sums() == other.sums() { return .same }

    let own = sessions.filter { session in !other.sessions.contains { $0.token == session.token } }
    let others = other.sessions.filter { session in
      !sessions.contains { $0.token == session.token }
    }
    if let one = own.first, let another = others.first {
      func text(_ session: Session, _ connection: Connection) -> String {
        "since \(session.started) on \(session.host.excerpt) in \(connection.path)"
      }
      return .conflict(
        "it went on in both files, each its own way: \(text(one, connection)), "
          + text(another, other.connection))
    }
    let (rows, otherRows) = (try rows(), try other.rows())
    let more = rows.keys.filter { otherRows[$0] == nil }
    let less = otherRows.keys.filter { rows[$0] == nil }
    if let key = rows.keys.first(where: { otherRows[$0] != nil && otherRows[$0] != rows[$0] }) {
      return .conflict("its epoch \(key.epoch) has other values in the two files")
    }
    let hasMore = !own.isEmpty || !more.isEmpty
    let hasLess = !others.isEmpty || !less.isEmpty
    if hasMore, hasLess {
      let epoch = (more + less).map(\.epoch).min() ?? 0
      return .conflict("it went on in both files, from epoch \(epoch) on")
    }
    if hasMore { return .ahead }
    if hasLess { return .behind }
    let pairs = sessions.compactMap { session in
      other.sessions.first { $0.token == session.token }.map { (session, $0) }
    }
    if pairs.contains(where: { $0.isLater(than: $1) }) { return .ahead }
    return pairs.contains { $1.isLater(than: $0) } ? .behind : .same
  }
}
