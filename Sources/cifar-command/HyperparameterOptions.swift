import CifarCore
import CifarTraining
import CommandSupport

/// The options of `cifar train` that say how to learn, as the JSON that `Hyperparameters` takes.
///
/// Some take a list `key=value,key=value`, with numbers and words as values and `a:b:c` for a list of
/// numbers; where a kind is chosen its name comes first: `cosine,warmup=5`.
enum HyperparameterOptions {
  static let all: [Option] = [
    Option(
      "--optimizer", value: "NAME,…",
      help: "adam, adamw or sgd, and options: sgd,momentum=0.9,nesterov=true;\n"
        + "clipnorm limits the norm of each parameter's gradient, clipvalue each number"),
    Option("--momentum", value: "X", help: "of sgd"),
    Option("--nesterov", help: "with Nesterov's momentum"),
    Option("--weight-decay", value: "X", help: "decoupled with adamw and in keras, else L2"),
    Option("--clip-norm", value: "X", help: "the largest norm of all gradients together"),
    Option("--label-smoothing", value: "X", help: "share of a label's weight given to all classes"),
    Option(
      "--schedule", value: "NAME,…",
      help: "\(LearningRateSchedule.types.joined(separator: ", ")),\n"
        + "and options: cosine,warmup=5 or step,step_size=30,gamma=0.1"),
    Option(
      "--precision", value: "NAME",
      help: "float32 or mixed_bfloat16, which keeps images between layers\nin half the memory"),
    Option("--steps-per-epoch", value: "N", help: "optimizer steps in an epoch (else all batches)"),
    Option(
      "--augment", value: "NAME,…",
      help: "adds to the recipe's augmentations; none takes them away first:\n"
        + "image_data_generator,zoom_range=0.2,brightness_range=0.8:1.2"),
    Option(
      "--early-stopping", value: "KEY=X,…",
      help: "patience, min_delta, monitor, mode, baseline,\nstart_from_epoch, "
        + "restore_best_weights; or off"),
    Option(
      "--reduce-lr-on-plateau", value: "KEY=X,…",
      help: "factor, patience, cooldown, min_lr, monitor, mode, min_delta of keras or\n"
        + "threshold, threshold_mode, epsilon of pytorch; or off"),
    Option(
      "--model-checkpoint", value: "KEY=X,…",
      help: "monitor, mode, save_best_only, save_freq,\ninitial_value_threshold; or off"),
    Option(
      "--csv-log", value: "FILE",
      help: "also writes a line an epoch to a file, started over by a new run; where it\ncan't be "
        + "written any more the training goes on without it"),
    Option("--terminate-on-nan", help: "ends training, instead of failing, if a loss is NaN"),
    Option("--timer", value: "SECONDS", help: "stops after that time; `cifar resume` goes on"),
    Option(
      "--hyperparameters", value: "JSON", help: "any of them, as `cifar-runs show` has them"),
  ]

  /// What the options say, as a `TrainingRequest` takes it: `--hyperparameters`, then the others.
  ///
  /// - Throws: `UsageError` for what can't be read.
  static func overrides(_ arguments: Arguments) throws -> [String] {
    var overrides = arguments.value("--hyperparameters").map { [$0] } ?? []
    var entries: [String: JSONValue] = [:]
    for (option, key) in [("--optimizer", "optimizer"), ("--schedule", "schedule")] {
      if let text = arguments.value(option) { entries[key] = try typed(text, option) }
    }
    for (option, key) in [
      ("--momentum", "momentum"), ("--weight-decay", "weight_decay"),
      ("--clip-norm", "clip_norm"), ("--label-smoothing", "label_smoothing"),
    ] {
      if let number = try arguments.number(option) { entries[key] = .number(number) }
    }
    if let name = arguments.value("--precision") { entries["precision"] = .string(name) }
    if arguments.has("--nesterov") { entries["nesterov"] = .bool(true) }
    if let steps = try arguments.integer("--steps-per-epoch", in: 1...1_000_000) {
      entries["steps_per_epoch"] = .integer(Int64(steps))
    }
    for (option, key) in [
      ("--early-stopping", "early_stopping"), ("--reduce-lr-on-plateau", "reduce_lr_on_plateau"),
      ("--model-checkpoint", "model_checkpoint"),
    ] {
      if let text = arguments.value(option) {
        entries[key] = text == "off" ? .bool(false) : .object(try pairs(text, option))
      }
    }
    if let file = arguments.value("--csv-log") {
      entries["csv_logger"] = .object(["filename": .string(file)])
    }
    if arguments.has("--terminate-on-nan") { entries["terminate_on_nan"] = .bool(true) }
    if let seconds = try arguments.number("--timer") {
      entries["timer"] = .object(["seconds": .number(seconds)])
    }
    try addAugmentations(arguments.all("--augment"), to: &entries)
    if !entries.isEmpty { overrides.append(try JSONOutput.text(JSONValue.object(entries))) }
    return overrides
  }

  private static func addAugmentations(
    _ texts: [String], to entries: inout [String: JSONValue]
  ) throws {
    guard !texts.isEmpty else { return }
    if texts.contains("none") { entries["augmentations"] = .array([]) }
    let added = try texts.filter { $0 != "none" }.map { try typed($0, "--augment") }
    entries["augment"] = .array(added)
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
