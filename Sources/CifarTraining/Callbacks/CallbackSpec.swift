import CifarCore

/// A callback and its options as they stand in the hyperparameters.
public struct CallbackSpec: Sendable {
  var options: any CallbackOptions

  init(_ options: some CallbackOptions) { self.options = options }

  static let kinds: [any CallbackOptions.Type] = [
    EarlyStopping.Options.self, ModelCheckpoint.Options.self, ReduceLROnPlateau.Options.self,
    CSVLogger.Options.self, TerminateOnNaN.Options.self, Timer.Options.self,
  ]

  /// What JSON calls them.
  public static let types = kinds.map { $0.type }

  public var type: String { options.type }

  func make() -> any Callback { options.make() }

  /// The same with whole paths, which mean the same files from every working directory.
  var located: CallbackSpec {
    func located(_ options: some CallbackOptions) -> CallbackSpec { CallbackSpec(options.located) }
    return located(options)
  }

  /// A file that a new run starts over, whatever is in it; nil for none.
  public var replacedFile: String? {
    guard let log = options as? CSVLogger.Options, !log.append else { return nil }
    return log.filename
  }

  func validate() throws { try options.validate(as: type) }
}

/// The options of a kind of callback.
protocol CallbackOptions: OptionsKind {
  /// What they look like in JSON.
  static var example: String { get }
  func make() -> any Callback
  var located: Self { get }
  /// Whether the best weights are put back when training ends.
  var restoresBestWeights: Bool { get }
}

extension CallbackOptions {
  static var example: String { "{}" }
  /// Whether the frameworks disagree on it.
  static var hasDialect: Bool { options.contains { $0.name == "dialect" } }
  var located: Self { self }
  var restoresBestWeights: Bool { false }
}

/// What several callbacks say of an option.
enum CallbackText {
  static let dialect = "whose behaviour; else the hyperparameters'"
  static let monitor = "the metric that is watched"
  static let mode = "what is better: auto takes lower losses and higher accuracies"
  static let minDelta = "how much better a value must be to count"
}

extension CallbackSpec: Equatable {
  public static func == (one: CallbackSpec, other: CallbackSpec) -> Bool {
    one.options.isEqual(to: other.options)
  }
}

extension CallbackSpec: Codable {
  public init(from decoder: any Decoder) throws {
    let index = try OptionsKinds.index(in: CallbackSpec.types, from: decoder, "callback")
    options = try CallbackSpec.kinds[index].init(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    try OptionsKinds.encode(options, to: encoder)
  }
}
