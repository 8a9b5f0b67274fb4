import CifarCore

/// Looks at an epoch's metrics and decides something. Its counters are part of every checkpoint.
protocol Callback: AnyObject {
  /// What has to survive a resume.
  var state: CallbackState { get set }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl)
}

/// The counters of a callback, the same for all kinds; what a kind does not use stays as it is.
struct CallbackState: Codable, Equatable, Sendable {
  /// The best value so far; nil before the first.
  var best: Double?
  var bestEpoch = 0
  /// Epochs since.
  var wait = 0
  var cooldown = 0
}

/// What callbacks may decide at the end of an epoch.
struct EpochControl: Equatable {
  var learningRate: Double
  /// Why training is to end; nil to go on.
  var stopReason: String?
  /// The weights are the best so far and are to be kept for the end.
  var keepsWeights = false
  /// The epoch's checkpoint is the best so far.
  var isBestCheckpoint = false
}

/// A callback and its options as they stand in the hyperparameters.
public enum CallbackSpec: Equatable, Sendable {
  case earlyStopping(EarlyStopping.Options)
  case modelCheckpoint(ModelCheckpoint.Options)
  case reduceLROnPlateau(ReduceLROnPlateau.Options)

  func make() -> any Callback {
    switch self {
    case .earlyStopping(let options): EarlyStopping(options)
    case .modelCheckpoint(let options): ModelCheckpoint(options)
    case .reduceLROnPlateau(let options): ReduceLROnPlateau(options)
    }
  }

  /// Whether the best weights are put back when training ends.
  var restoresBestWeights: Bool {
    if case .earlyStopping(let options) = self { return options.restoreBestWeights }
    return false
  }

  func validate() throws {
    switch self {
    case .earlyStopping(let options): try options.validate()
    case .modelCheckpoint: break
    case .reduceLROnPlateau(let options): try options.validate()
    }
  }
}

extension CallbackSpec: Codable {
  private enum Key: String, CodingKey { case type }

  private var type: String {
    switch self {
    case .earlyStopping: "early_stopping"
    case .modelCheckpoint: "model_checkpoint"
    case .reduceLROnPlateau: "reduce_lr_on_plateau"
    }
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let type = try values.decode(String.self, forKey: .type)
    switch type {
    case "early_stopping": self = .earlyStopping(try .init(from: decoder))
    case "model_checkpoint": self = .modelCheckpoint(try .init(from: decoder))
    case "reduce_lr_on_plateau": self = .reduceLROnPlateau(try .init(from: decoder))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: values, debugDescription: "unknown callback '\(type)'")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(type, forKey: .type)
    switch self {
    case .earlyStopping(let options): try options.encode(to: encoder)
    case .modelCheckpoint(let options): try options.encode(to: encoder)
    case .reduceLROnPlateau(let options): try options.encode(to: encoder)
    }
  }
}
