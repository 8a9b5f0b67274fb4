import CifarCore

/// What runs can be filtered and sorted by.
public struct RunField: Sendable {
  enum Kind: Sendable {
    case text
    /// Text whose start is enough.
    case prefix
    case number
    /// A whole number of 64 bits without a sign, stored as its digits.
    case unsigned
    /// Seconds, which may be written as `90m`, `2h`, `1d`.
    case duration
    case time
    /// JSON: what it is compared with decides.
    case any
    /// One of several texts: `sql` is a condition with `%` for the comparison.
    case member
  }

  public var name: String
  /// What it is, for help.
  public var help: String
  var kind: Kind
  var sql: String

  /// The fields with a name of their own. Besides these, any hyperparameter by its path
  /// (`optimizer.beta1`) and what the program measured itself (`metrics.f1`).
  public static var all: [(name: String, help: String)] { table.map { ($0.name, $0.help) } }

  /// What orders as the values do.
  var comparableSQL: String {
    kind == .unsigned
      ? "substr('\(RunField.padded(""))' || \(sql), -\(RunField.longestUnsigned))" : sql
  }

  private static let longestUnsigned = 20

  /// Digits, with zeros before them: then their order is that of the numbers.
  static func padded(_ digits: String) -> String {
    String(repeating: "0", count: longestUnsigned - digits.utf8.count) + digits
  }

  private typealias Entry = (name: String, kind: Kind, sql: String, help: String)

  private static let table = named + metrics + results

  /// Those of a training's end.
  private static let results: [Entry] = ResultMetric.allCases.map {
    ($0.rawValue, .number, metric($0.rawValue[...]), $0.help)
  }

  /// Those of the last epoch, whose names do not mean something else.
  private static let metrics: [Entry] = EpochMetric.allCases.filter { metric in
    !named.contains { $0.name == metric.name }
  }.map { metric in
    (
      metric.name, metric.format == .duration ? .duration : .number, lastEpoch(metric.name),
      "of the last epoch"
        + (metric.unit.isEmpty
          ? "" : metric.unit == "fraction" ? ", a fraction" : ", in \(metric.unit)")
    )
  }

  private static let named: [Entry] = [
    ("id", .prefix, "r.uuid", "UUID; its start is enough"),
    ("name", .text, "r.name", ""),
    ("status", .text, "", "running, completed, stopped, interrupted, failed, crashed"),
    ("recipe", .text, "r.recipe", ""),
    ("dataset", .text, "r.dataset", "cifar10, cifar100, shapes, memory"),
    ("seed", .unsigned, "r.seed", ""),
    ("started", .time, "r.started", "'2 days ago', yesterday, 2026-11-23, '2026-11-23 20:22'"),
    ("duration", .duration, "", "seconds in all sessions; 90m, 2h, 1d"),
    ("epochs", .number, "r.epochs", "recorded"),
    (
      "epochs_planned", .number, "coalesce(r.exact_epochs, r.epochs_planned)",
      "9.9 where the last is trained in part"
    ),
    ("val_accuracy", .number, "r.best_val_accuracy", "the best of any epoch; 0.8 or 80%"),
    ("val_loss", .number, "r.best_val_loss", "the best of any epoch"),
    ("best_val_accuracy", .number, "r.best_val_accuracy", "the same as val_accuracy"),
    ("best_val_loss", .number, "r.best_val_loss", "the same as val_loss"),
    ("last_val_accuracy", .number, "r.last_val_accuracy", "of the last epoch"),
    ("last_val_loss", .number, "r.last_val_loss", "of the last epoch"),
    (
      "learning_rate", .any, hyperparameter("optimizer.learning_rate"),
      "the optimizer's learning rate"
    ),
    ("batch_size", .any, hyperparameter("batch_size"), ""),
    ("model", .any, hyperparameter("model"), "the preset's name, or custom"),
    ("dialect", .any, hyperparameter("dialect"), "pytorch, keras"),
    // Runs from before there was a choice have none.
    (
      "precision", .any, "coalesce(\(hyperparameter("precision")), 'float32')",
      "float32, mixed_bfloat16"
    ),
    ("tag", .member, "EXISTS (SELECT 1 FROM tags t WHERE t.run = r.id AND t.tag %)", ""),
    ("group", .text, "r.group_name", "such as the seeds of one configuration"),
    ("note", .member, "EXISTS (SELECT 1 FROM notes n WHERE n.run = r.id AND n.text %)", ""),
    ("parent", .prefix, "r.parent", "the run it was forked from"),
    ("host", .text, lastSession("host"), "of the last session"),
    ("threads", .number, lastSession("threads"), "of the last session"),
    ("instruction_set", .text, lastSession("instruction_set"), "of the last session"),
    ("library_version", .text, lastSession("library_version"), "of the last session"),
    ("command_line", .text, lastSession("command_line"), "of the last session"),
    ("git_commit", .prefix, lastSession("git_commit"), "of the last session; its start is enough"),
    ("reason", .text, lastSession("reason"), "why the last session ended"),
  ]

  private static func lastEpoch(_ column: String) -> String {
    "(SELECT \(column) FROM epochs e WHERE e.run = r.id AND superseded = 0 "
      + "ORDER BY epoch DESC LIMIT 1)"
  }

  private static func lastSession(_ column: String) -> String {
    "(SELECT \(column) FROM sessions x WHERE x.run = r.id ORDER BY x.id DESC LIMIT 1)"
  }

  /// - Parameter path: of letters, digits, `_` and `.` only, as the filter's words are.
  private static func hyperparameter(_ path: String) -> String {
    let shared = "(SELECT json FROM texts WHERE id = r.shared)"
    return "coalesce(\(member(path, of: "r.hyperparameters")), \(member(path, of: shared)))"
  }

  /// `json_extract` reads a number with a fraction as the process's locale writes one: where that is
  /// with a comma, 0.05 is 0. So its text is read by a function of our own.
  private static func member(_ path: String, of json: String) -> String {
    """
    CASE json_type(\(json), '$.\(path)')
      WHEN 'real' THEN \(DecimalNumber.function)(\(json) -> '$.\(path)')
      ELSE json_extract(\(json), '$.\(path)') END
    """
  }

  private static let longestPath = 500

  /// - Parameter failure: makes the error of a sentence.
  static func named(
    _ name: String, _ liveness: Liveness, _ failure: (String) -> CifarError
  ) throws -> RunField {
    if let entry = table.first(where: { $0.name == name }) {
      let sql =
        switch name {
        case "status": "(\(liveness.status))"
        case "duration": liveness.duration
        default: entry.sql
        }
      return RunField(name: name, help: entry.help, kind: entry.kind, sql: sql)
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard name.utf8.count <= longestPath, isPath(name), parts.count > 1,
      parts.allSatisfy({ !$0.isEmpty })
    else {
      throw failure("there is no field '\(name.excerpt)'" + suggestion(for: name))
    }
    if parts[0] == "metrics" {
      return RunField(name: name, help: "", kind: .number, sql: metric(name.dropFirst(8)))
    }
    let path = parts[0] == "hyperparameters" ? parts.dropFirst() : parts[...]
    return RunField(
      name: name, help: "", kind: .any, sql: hyperparameter(path.joined(separator: ".")))
  }

  private static func isPath(_ name: String) -> Bool {
    name.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) || $0 == UInt8(ascii: "_")
        || $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
  }

  private static func metric(_ name: Substring) -> String {
    """
    (SELECT value FROM metrics m WHERE m.run = r.id AND m.name = '\(name)' AND superseded = 0
      ORDER BY epoch DESC LIMIT 1)
    """
  }

  private static func suggestion(for name: String) -> String {
    let suggestion = Suggestion.text(for: name, among: table.map(\.name))
    if !suggestion.isEmpty { return suggestion }
    let fields = table.map(\.name).joined(separator: ", ")
    let isWord = name.utf8.count <= 60 && isPath(name)
    return "; there are \(fields), and hyperparameters by their path, such as optimizer.beta1 or "
      + "hyperparameters.ema; what the program itself measured is "
      + (isWord ? "metrics.\(name)" : "metrics.NAME")
  }
}
