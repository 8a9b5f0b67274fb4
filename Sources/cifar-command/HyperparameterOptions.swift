import CifarCore
import CifarTraining
import CommandSupport

/// The options of `cifar train` that say how to learn, as the JSON that `Hyperparameters` takes.
///
/// Some take a list `key=value,key=value`, with numbers and words as values and `a:b:c` for a list of
/// numbers; where a kind is chosen its name comes first: `cosine,warmup=5`.
enum HyperparameterOptions {
  /// An option, and the entry of the JSON that it makes.
  private struct Row: Sendable {
    let option: Option
    let key: String
    let read: @Sendable (Arguments, String) throws -> JSONValue?

    /// - Parameter key: nil for the option's name.
    init(
      _ name: String, value: String? = nil, key: String? = nil,
      _ read: @escaping @Sendable (Arguments, String) throws -> JSONValue?, help: String
    ) {
      option = Option(name, value: value, help: help)
      self.key = key ?? String(name.dropFirst(2).replacing("-", with: "_"))
      self.read = read
    }

    /// An option as its description has it; nil for one that is not a single value.
    init?(value row: OptionRow) {
      let name = "--" + row.name.replacing("_", with: "-")
      switch row.form {
      case .number: self.init(name, value: "X", number, help: row.meaning)
      case .whole:
        guard let range = row.range else { return nil }
        self.init(
          name, value: "N", { try $0.integer($1, in: range).map { .integer(Int64($0)) } },
          help: row.meaning)
      case .flag: self.init(name, flag, help: row.meaning)
      case .word: self.init(name, value: "NAME", word, help: "\(row.legal); \(row.meaning)")
      case .text, .list, .object: return nil
      }
    }
  }

  /// Options that are one value: those of the optimizer, of the loss, and of the hyperparameters
  /// those that `cifar train` does not list itself.
  private static let values: [Row] = HyperparameterGuide.sections.flatMap {
    section -> [OptionRow] in
    let rows = section.rows.map(\.option)
    return switch section.part {
    case .all: rows.filter { !listed.contains($0.name) }
    case .optimizer: rows.filter { $0.name != "type" }
    case .loss: rows
    case .group, .lookahead, .schedule, .augmentation, .callback: []
    }
  }.compactMap { Row(value: $0) }

  private static let listed = ["recipe", "model", "dialect", "seed", "epochs", "batch_size"]

  private static let rows: [Row] =
    [
      Row(
        "--optimizer", value: "NAME,…", typed,
        help: "adam, adamw, sgd or muon, and options: sgd,momentum=0.9,nesterov=true")
    ] + values + [
      Row(
        "--freeze", value: "PATTERN",
        { $0.all($1).isEmpty ? nil : .array($0.all($1).map { .string($0) }) },
        help:
          "leaves parameters as they are: 0.weight, conv2d.*, batch_norm.*, *.bias, may be given\n"
          + "several times; a frozen batch norm takes its running statistics"),
      Row(
        "--class-weight", value: "A:B:…", { $0.value($1).map(value) },
        help: "what the images of each class count in training: 1:1:5 for three classes"),
      Row(
        "--schedule", value: "NAME,…", typed,
        help: "\(LearningRateSchedule.types.joined(separator: ", ")),\n"
          + "and options: cosine,warmup=5 or step,step_size=30,gamma=0.1"),
      Row(
        "--augment", value: "NAME,…", augmentations,
        help: "adds to the recipe's augmentations; none takes them away first:\n"
          + "image_data_generator,zoom_range=0.2,brightness_range=0.8:1.2 or mixup,alpha=0.2"),
      Row(
        "--early-stopping", value: "KEY=X,…", callback,
        help: "patience, min_delta, monitor, mode, baseline,\nstart_from_epoch, "
          + "restore_best_weights; or off"),
      Row(
        "--reduce-lr-on-plateau", value: "KEY=X,…", callback,
        help: "factor, patience, cooldown, min_lr, monitor, mode, min_delta of keras or\n"
          + "threshold, threshold_mode, epsilon of pytorch; or off"),
      Row(
        "--model-checkpoint", value: "KEY=X,…", callback,
        help: "monitor, mode, save_best_only, save_freq,\ninitial_value_threshold; or off"),
      Row(
        "--csv-log", value: "FILE", key: "csv_logger",
        { $0.value($1).map { .object(["filename": .string($0)]) } },
        help:
          "also writes a line an epoch to a file, started over by a new run; where it\ncan't be "
          + "written any more the training continues without it"),
      Row("--terminate-on-nan", flag, help: "ends training, instead of failing, if a loss is NaN"),
      Row(
        "--timer", value: "SECONDS",
        { try $0.number($1).map { .object(["seconds": .number($0)]) } },
        help: "stops after that time; `cifar resume` continues"),
    ]

  static let all =
    rows.map(\.option) + [
      Option(
        "--hyperparameters", value: "JSON", help: "any of them, as `cifar-runs show` has them")
    ]

  /// Those that have a part in a search for a learning rate.
  static let ofRates = all.filter { option in
    !rows.contains { $0.option.name == option.name && RateRangeTest.unused.contains($0.key) }
  }

  /// What the options say, as a `TrainingRequest` takes it: `--hyperparameters`, then the others.
  ///
  /// - Throws: `UsageError` for what can't be read.
  static func overrides(_ arguments: Arguments) throws -> [String] {
    var overrides = arguments.value("--hyperparameters").map { [$0] } ?? []
    var entries: [String: JSONValue] = [:]
    for row in rows { entries[row.key] = try row.read(arguments, row.option.name) }
    // Augmentations are added to those that there are, or to none.
    if arguments.all("--augment").contains("none") { entries["augmentations"] = .array([]) }
    if !entries.isEmpty { overrides.append(try JSONOutput.text(JSONValue.object(entries))) }
    return overrides
  }

  // MARK: Reading

  @Sendable private static func number(_ arguments: Arguments, _ option: String) throws
    -> JSONValue?
  {
    try arguments.number(option).map { .number($0) }
  }

  @Sendable private static func flag(_ arguments: Arguments, _ option: String) -> JSONValue? {
    arguments.has(option) ? .bool(true) : nil
  }

  @Sendable private static func word(_ arguments: Arguments, _ option: String) -> JSONValue? {
    arguments.value(option).map { .string($0) }
  }

  @Sendable private static func typed(_ arguments: Arguments, _ option: String) throws -> JSONValue?
  {
    try arguments.value(option).map { try typed($0, option) }
  }

  @Sendable private static func callback(_ arguments: Arguments, _ option: String) throws
    -> JSONValue?
  {
    guard let text = arguments.value(option) else { return nil }
    return text == "off" ? .bool(false) : .object(try pairs(text, option))
  }

  @Sendable private static func augmentations(
    _ arguments: Arguments, _ option: String
  ) throws -> JSONValue? {
    let texts = arguments.all(option)
    guard !texts.isEmpty else { return nil }
    return .array(try texts.filter { $0 != "none" }.map { try typed($0, option) })
  }

  /// `cosine,warmup=5`
  private static func typed(_ text: String, _ option: String) throws -> JSONValue {
    let parts = text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.first, !name.isEmpty, !name.contains("=") else {
      throw UsageError("\(option) begins with a name, such as NAME,key=value; not '\(text)'")
    }
    var entries = parts.count > 1 ? try pairs(String(parts[1]), option) : [:]
    entries["type"] = .string(String(name))
    return .object(entries)
  }

  /// `patience=10,min_delta=0.001`
  private static func pairs(_ text: String, _ option: String) throws -> [String: JSONValue] {
    var entries: [String: JSONValue] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1)
      guard sides.count == 2 else {
        throw UsageError("\(option) takes key=value,key=value; '\(part)' is none")
      }
      entries[String(sides[0])] = value(String(sides[1]))
    }
    return entries
  }

  private static func value(_ text: String) -> JSONValue {
    if text == "true" || text == "false" { return .bool(text == "true") }
    if let number = number(text) { return number }
    let numbers = text.split(separator: ":").map { number(String($0)) }
    if numbers.count > 1, !numbers.contains(nil) { return .array(numbers.compactMap { $0 }) }
    return .string(text)
  }

  private static func number(_ text: String) -> JSONValue? {
    if let integer = Int64(text) { return .integer(integer) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return nil
  }
}
