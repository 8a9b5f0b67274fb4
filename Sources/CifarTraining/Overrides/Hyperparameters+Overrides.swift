import CifarCore
import CifarNN

extension Hyperparameters {
  /// Takes over options from a JSON object: those of the hyperparameters by their own names, object
  /// by object; and, shorter,
  ///
  /// - an optimizer, a schedule, a callback or an augmentation as the name of its type alone;
  /// - `learning_rate`, `momentum`, `nesterov`, `weight_decay`, `clip_norm`, `clipnorm`, `clipvalue`,
  ///   `beta1`, `beta2`, `epsilon` of the optimizer and `label_smoothing` of the loss without the object around them;
  /// - a model as the name of a preset, which is made for the dialect and the classes of the model
  ///   there is; or as a `model_spec`, with its `input` or the list of its layers alone;
  /// - a callback under its own name: `{"early_stopping": {"patience": 3}}` changes the one there
  ///   is or adds one, `false` takes it away;
  /// - `augment`, a list that is added to the `augmentations` there are.
  ///
  /// - Throws: `invalidArgument`, naming what is unknown or can't be.
  public mutating func apply(overrides text: String) throws {
    let given: JSONTree
    do {
      given = try JSONTree(text: text)
    } catch let error as CifarError {
      throw CifarError(error.code, "hyperparameters: the text \(error.message)")
    } catch {
      throw CifarError(.invalidArgument, "hyperparameters: not JSON: \(text.excerpt)")
    }
    guard case .object = given else {
      throw CifarError(.invalidArgument, "hyperparameters: not a JSON object: \(text.excerpt)")
    }
    for key in ["data", "recipe"] where given[key] != nil {
      throw CifarError(.invalidArgument, "hyperparameters: '\(key)' can't be set here")
    }
    let now = try JSONTree(text: StateCoding.encode(self))
    var overrides = try OverrideShorthand(over: now).expand(given)
    try expandModel(&overrides)
    // A schedule or an optimizer of another kind does not keep what the old kind had.
    var base = now
    if let type = overrides["schedule"]?["type"], type != base["schedule"]?["type"] {
      base["schedule"] = .null
    }
    if overrides["optimizer"]?["type"]?.text == "adamw",
      base["optimizer"]?["type"]?.text != "adamw", overrides["optimizer"]?["weight_decay"] == nil
    {
      // The defaults of `torch.optim.AdamW` and `keras.optimizers.AdamW`.
      let isKeras = (overrides["dialect"]?.text ?? dialect.rawValue) == Dialect.keras.rawValue
      overrides["optimizer"]?["weight_decay"] = .number(isKeras ? 0.004 : 0.01)
    }
    let merged = base.merged(with: overrides)
    let result: Hyperparameters
    do {
      result = try StateCoding.decode(
        Hyperparameters.self, from: StateCoding.encode(merged), what: "hyperparameters")
    } catch let error as CifarError where error.code == .badData {
      throw CifarError(.invalidArgument, error.message)
    }
    if overrides["model"] != nil { try result.checkModelName() }
    try UnknownKeys.check(
      overrides, against: try JSONTree(text: StateCoding.encode(result)), path: "")
    self = result
  }
}

/// Finds options that nobody asks for.
enum UnknownKeys {
  /// Those that are not written down where they are nil.
  private static let optional: Set<String> = [
    "baseline", "brightness_range", "clip_norm", "clipnorm", "clipvalue", "decay_steps",
    "initial_value_threshold", "schedule", "steps_per_epoch",
  ]

  /// - Parameter known: the result, which has every key that was understood.
  static func check(_ given: JSONTree, against known: JSONTree, path: String) throws {
    switch (given, known) {
    case (.object(let entries), .object(let names)):
      for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
        if let meaning = names[key] {
          try check(value, against: meaning, path: path + key + ".")
        } else if value != .null || !optional.contains(key) {
          throw unknown(path + key, key, Array(names.keys) + (path.isEmpty ? shorthands : []))
        }
      }
    case (.array(let items), .array(let others)):
      for (index, (item, other)) in zip(items, others).enumerated() {
        try check(item, against: other, path: "\(path)\(index).")
      }
    // A number may stand for a range.
    default: break
    }
  }

  private static var shorthands: [String] {
    OverrideShorthand.optimizerKeys + CallbackSpec.types
      + ["label_smoothing", "augment", "schedule", "steps_per_epoch"]
  }

  private static func unknown(_ path: String, _ key: String, _ names: [String]) -> CifarError {
    let closest = names.map { ($0, EditDistance.between(key, $0)) }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }
    var message = "hyperparameters: there is no '\(path.excerpt)'"
    if let (name, edits) = closest, edits <= (key.count + 2) / 3 {
      message += "; did you mean '\(name)'?"
    }
    return CifarError(.invalidArgument, message)
  }
}
