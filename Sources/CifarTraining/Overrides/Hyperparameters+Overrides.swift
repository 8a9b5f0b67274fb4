import CifarCore
import CifarNN

extension Hyperparameters {
  /// What nobody gives as an override.
  static let writtenByTraining: Set = ["data", "recipe", "weights"]

  /// Takes over options from a JSON object: those of the hyperparameters by their own names, object
  /// by object; and, shorter,
  ///
  /// - an optimizer, a schedule, a callback or an augmentation as the name of its type alone;
  /// - the options of the optimizer and of the loss without the object around them;
  /// - a model as the name of a preset, which is made for the dialect and the classes of the model
  ///   there is; or as a `model_spec`, with its `input` or the list of its layers alone;
  /// - a callback under its own name: `{"early_stopping": {"patience": 3}}` changes the one there
  ///   is or adds one, `false` takes it away;
  /// - `augment`, a list that is added to the `augmentations` there are.
  ///
  /// - Throws: `invalidArgument`, naming what is unknown or invalid.
  public mutating func apply(overrides text: String) throws {
    let given: JSONValue
    do {
      given = try JSONValue(text: text)
    } catch let error as CifarError where error.code == .invalidArgument {
      throw CifarError(error.code, "hyperparameters: the text \(error.message)")
    }
    guard case .object = given else {
      throw CifarError(.invalidArgument, "hyperparameters: not a JSON object: \(text.excerpt)")
    }
    for key in Hyperparameters.writtenByTraining.sorted() where given[key] != nil {
      throw CifarError(.invalidArgument, "hyperparameters: '\(key)' can't be set here")
    }
    let now = try JSONValue(text: StateCoding.encode(self))
    var overrides = try OverrideShorthand(over: now).expand(given)
    try expandModel(&overrides)
    // A schedule or an optimizer of another kind does not keep what the old kind had.
    var base = now
    if let type = overrides["schedule"]?["type"], type != base["schedule"]?["type"] {
      base["schedule"] = .null
    }
    if overrides["optimizer"]?["type"]?.string == "adamw",
      base["optimizer"]?["type"]?.string != "adamw", overrides["optimizer"]?["weight_decay"] == nil
    {
      // The defaults of `torch.optim.AdamW` and `keras.optimizers.AdamW`.
      let isKeras = (overrides["dialect"]?.string ?? dialect.rawValue) == Dialect.keras.rawValue
      overrides["optimizer"]?["weight_decay"] = .number(isKeras ? 0.004 : 0.01)
    }
    let merged = base.merged(with: overrides)
    let keys = KeyLog()
    let result: Hyperparameters
    do {
      result = try MemoryNeed.secured(64 * text.utf8.count + (1 << 17), for: "hyperparameters") {
        try StateCoding.decode(
          Hyperparameters.self, from: merged, what: "hyperparameters", noting: keys)
      }
    } catch let error as CifarError where error.code == .badData {
      // An option that nobody knows may be why another is missing.
      if keys.isComplete { try UnknownKeys.check(overrides, against: keys) }
      throw CifarError(.invalidArgument, error.message)
    }
    if overrides["model"] != nil { try result.checkModelName() }
    try UnknownKeys.check(overrides, against: keys)
    self = result
  }
}

/// Finds options that nobody asks for.
enum UnknownKeys {
  /// - Parameter keys: those that were asked for when all was read.
  static func check(_ given: JSONValue, against keys: KeyLog, path: String = "") throws {
    let start = path.isEmpty ? "" : path + "."
    switch given {
    case .object(let entries):
      guard let known = keys.asked[path] else { return }
      for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
        guard known.contains(key) else {
          throw unknown(start + key, key, known.union(path.isEmpty ? shorthands : []))
        }
        try check(value, against: keys, path: start + key)
      }
    case .array(let items):
      for (index, item) in items.enumerated() {
        try check(item, against: keys, path: start + "\(index)")
      }
    default: break
    }
  }

  private static var shorthands: [String] {
    OverrideShorthand.optimizerKeys + OverrideShorthand.lossKeys + CallbackSpec.types + ["augment"]
  }

  private static func unknown(_ path: String, _ key: String, _ names: Set<String>) -> CifarError {
    var message = "hyperparameters: there is no '\(path.excerpt)'"
    if let name = Suggestion.closest(to: key, among: names.sorted()) {
      message += "; did you mean '\(name)'?"
    } else {
      let fixed: Set = path == key ? Hyperparameters.writtenByTraining : ["type"]
      let choice = names.subtracting(fixed).sorted().joined(separator: ", ")
      message += choice.isEmpty ? "; it has no options" : "; use \(choice)"
    }
    return CifarError(.invalidArgument, message)
  }
}
