import CifarCore
import CifarNN

/// Makes whole hyperparameters of what people write; see `Hyperparameters.apply(overrides:)`.
struct OverrideShorthand {
  /// The hyperparameters that there are.
  let base: JSONValue

  /// What may be given without the object around it.
  static let optimizerKeys = OptimizerSpec.options.map(\.name).filter { $0 != "type" }
  static let lossKeys = LossSpec.options.map(\.name)

  init(over base: JSONValue) { self.base = base }

  /// - Throws: `invalidArgument` for a callback that is neither its options nor true or false, for a
  ///   value that is given twice, and for an option of a callback that is the other dialect's.
  func expand(_ given: JSONValue) throws -> JSONValue {
    guard case .object(var entries) = given else { return given }
    for key in ["optimizer", "schedule"] {
      if let value = entries[key] { entries[key] = named(value) }
    }
    let keys = ["optimizer": OverrideShorthand.optimizerKeys, "loss": OverrideShorthand.lossKeys]
    for (object, keys) in keys {
      for key in keys {
        guard let value = entries.removeValue(forKey: key) else { continue }
        try put(value, as: key, into: object, of: &entries)
      }
    }
    if let list = entries["augmentations"]?.array {
      entries["augmentations"] = .array(list.map(named))
    }
    if let pattern = entries["freeze"]?.string { entries["freeze"] = .array([.string(pattern)]) }
    if let more = entries.removeValue(forKey: "augment") {
      let list = (entries["augmentations"] ?? base["augmentations"])?.array ?? []
      entries["augmentations"] = .array(list + (more.array ?? [more]).map(named))
    }
    try expandCallbacks(&entries)
    return .object(entries)
  }

  /// Puts what was given on its own into the object that it belongs to.
  private func put(
    _ value: JSONValue, as key: String, into name: String, of entries: inout [String: JSONValue]
  ) throws {
    let object = entries[name] ?? .object([:])
    // Anything else than an object is refused as what it is when all is read.
    guard case .object = object else { return }
    if let other = object[key], other != value {
      throw CifarError(
        .invalidArgument,
        "hyperparameters: \(key) is given twice, as \(value.excerpt) and in \(name) as "
          + "\(other.excerpt): leave one of them out")
    }
    entries[name, default: .object([:])][key] = value
  }

  private func expandCallbacks(_ entries: inout [String: JSONValue]) throws {
    let named = CallbackSpec.types.filter { entries[$0] != nil }
    guard entries["callbacks"]?.array != nil || !named.isEmpty else { return }
    var list = (entries["callbacks"] ?? base["callbacks"])?.array?.map(self.named) ?? []
    for type in named {
      let value = entries.removeValue(forKey: type) ?? .null
      let place = list.firstIndex { $0["type"]?.string == type }
      switch value {
      case .null, .bool(false): list.removeAll { $0["type"]?.string == type }
      case .object:
        let options = keyed(value, type)
        if let place {
          list[place] = list[place].merged(with: options)
        } else {
          list.append(options)
        }
      case .bool(true): if place == nil { list.append(.object(["type": .string(type)])) }
      default:
        throw CifarError(
          .invalidArgument,
          "hyperparameters: \(type) is \(value.excerpt), neither an object of its options, such as "
            + "\(OverrideShorthand.example(of: type)), nor true or false")
      }
    }
    let dialect = entries["dialect"] ?? base["dialect"]
    list = list.map { withDialect($0, dialect) }
    for callback in list { try checkMargin(callback) }
    entries["callbacks"] = .array(list)
  }

  /// What a callback's options look like.
  private static func example(of type: String) -> String {
    CallbackSpec.kinds.first { $0.type == type }?.example ?? "{}"
  }

  /// Options with the callback's type.
  private func keyed(_ options: JSONValue, _ type: String) -> JSONValue {
    guard case .object(var entries) = options else { return options }
    entries["type"] = .string(type)
    return .object(entries)
  }

  /// Whether ReduceLROnPlateau's margin has the name, and with it the meaning, of its dialect.
  private func checkMargin(_ callback: JSONValue) throws {
    guard callback["type"]?.string == "reduce_lr_on_plateau" else { return }
    if callback["dialect"]?.string == Dialect.keras.rawValue {
      for key in ["threshold", "threshold_mode", "epsilon"] where callback[key] != nil {
        throw CifarError(
          .invalidArgument,
          "reduce_lr_on_plateau: '\(key)' is PyTorch's; Keras's has min_delta, an absolute margin")
      }
    } else if callback["min_delta"] != nil {
      throw CifarError(
        .invalidArgument,
        "reduce_lr_on_plateau: 'min_delta' is Keras's; PyTorch's has threshold, with threshold_mode "
          + "rel or abs")
    }
  }

  /// Callbacks that the frameworks disagree on follow the hyperparameters' dialect.
  private func withDialect(_ callback: JSONValue, _ dialect: JSONValue?) -> JSONValue {
    guard case .object(var entries) = callback, entries["dialect"] == nil,
      let kind = CallbackSpec.kinds.first(where: { $0.type == entries["type"]?.string }),
      kind.hasDialect
    else { return callback }
    entries["dialect"] = dialect
    return .object(entries)
  }

  /// The name of a type for an object that has no more than that.
  private func named(_ value: JSONValue) -> JSONValue {
    value.string.map { .object(["type": .string($0)]) } ?? value
  }
}
