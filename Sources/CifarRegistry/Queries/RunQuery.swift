import CifarCore

/// Which runs are wanted, and in which order.
public struct RunQuery: Sendable, Equatable {
  /// A condition in the filter language (see `RunFilter`); nil for all runs.
  public var filter: String?
  /// Further conditions, that must hold as well.
  public var also: [String] = []
  /// Fields whose values are wanted in `RunSummary.values`.
  public var fields: [String] = []
  /// The name of a field (see `RunField`); nil for the order in which they were started.
  public var sort: String?
  /// The largest or latest first. What has no value comes last either way.
  public var descending: Bool
  /// How many at most; nil for all.
  public var limit: Int?
  /// How many of the first ones are left out.
  public var offset = 0
  /// The runs in the trash instead of the others.
  public var trash: Bool
  /// Whether `RunSummary.validationLosses` is wanted.
  public var withLosses: Bool
  /// Whether `RunSummary.hyperparameters` is wanted.
  public var withHyperparameters = false

  public init(
    filter: String? = nil, sort: String? = nil, descending: Bool = true, limit: Int? = nil,
    trash: Bool = false, withLosses: Bool = false
  ) {
    self.filter = filter
    self.sort = sort
    self.descending = descending
    self.limit = limit
    self.trash = trash
    self.withLosses = withLosses
  }

  /// The columns of `fields`, each after a comma.
  func columns(_ liveness: Liveness) throws -> String {
    try fields.map { name in
      let field = try RunField.named(name, liveness) { message in
        CifarError(.invalidArgument, "cannot show: \(message)")
      }
      guard field.kind != .member else {
        throw CifarError(.invalidArgument, "cannot show '\(name)': a run may have several")
      }
      return ", " + field.sql
    }.enumerated().map { "\($1) AS value\($0)" }.joined()
  }

  /// A text as filters take it, whatever is in it.
  public static func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: "''") + "'"
  }

  /// A moment as people write it: `2 days ago`, `3h`, `yesterday`, `2026-11-23 20:22`; nil for
  /// anything else.
  public static func moment(_ text: String) -> Timestamp? { FilterValue.time(text, now: .now) }

  /// The statement's end, from WHERE on, and its values.
  func sql(_ liveness: Liveness) throws -> (text: String, values: [SQLValue]) {
    var conditions = [trash ? "r.trashed IS NOT NULL" : "r.trashed IS NULL"]
    var values: [SQLValue] = []
    for filter in [filter].compactMap({ $0 }) + also {
      let parsed = try RunFilter(filter, liveness)
      conditions.append(parsed.sql)
      values += parsed.values
    }
    let direction = descending ? "DESC" : "ASC"
    // By key alone it would be the order in which a merge or a copy brought them.
    var order = "r.started \(direction), r.id \(direction)"
    if let sort {
      let field = try RunField.named(sort, liveness) { message in
        CifarError(.invalidArgument, "cannot sort: \(message)")
      }
      guard field.kind != .member else {
        throw CifarError(.invalidArgument, "cannot sort by '\(sort)': a run may have several")
      }
      order = "\(field.comparableSQL) \(direction) NULLS LAST, r.started DESC, r.id DESC"
    }
    values += [.integer(limit ?? -1), .integer(offset)]
    return (
      " WHERE \(conditions.joined(separator: " AND ")) ORDER BY \(order) LIMIT ? OFFSET ?", values
    )
  }
}

/// Which of the running runs have a live process, as one process sees it at one moment.
struct Liveness {
  let now: Timestamp
  /// Keys of the sessions whose process lives, or may live.
  private let living: String

  init(in connection: Connection) throws {
    let now = Timestamp.now
    let observer = ProcessIdentity.current
    // An owner that cannot be read cannot be asked: its run counts as crashed, and `run(matching:)`
    // says why.
    let owners = try connection.soundRows(
      """
      SELECT \(SessionProcess.columns) FROM runs r JOIN sessions s ON s.id = r.owner
      WHERE r.owner IS NOT NULL AND s.status = 'running'
      """, of: .sessions, SessionProcess.init
    ).rows
    living = owners.filter { $0.life(seenFrom: observer, now: now) != .dead }
      .map { "\($0.session)" }.joined(separator: ", ")
    self.now = now
  }

  /// The run's status as a reader should see it.
  var status: String {
    """
    CASE WHEN r.status = 'running' AND (r.owner IS NULL OR r.owner NOT IN (\(living)))
      THEN 'crashed' ELSE r.status END
    """
  }

  /// When session `x` ended, or was heard of last.
  var sessionEnd: String {
    "coalesce(x.ended, CASE WHEN x.id IN (\(living)) THEN '\(now)' ELSE x.heartbeat END)"
  }

  /// Seconds in all sessions of a run together, none of them negative where the clock was set back.
  /// Times are stored to the millisecond; what SQLite's arithmetic adds beyond is noise.
  var duration: String {
    """
    (SELECT round(sum(max(0, julianday(\(sessionEnd)) - julianday(x.started))) * 86400, 3)
      FROM sessions x WHERE x.run = r.id)
    """
  }

  /// - Parameter session: a key.
  func sessionStatus(_ status: String, _ session: String) -> String {
    """
    CASE WHEN \(status) = 'running' AND \(session) NOT IN (\(living)) THEN 'crashed'
      ELSE \(status) END
    """
  }
}
