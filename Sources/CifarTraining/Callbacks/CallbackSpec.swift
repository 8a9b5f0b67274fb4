import CifarCore

/// A callback and its options as they stand in the hyperparameters.
public enum CallbackSpec: Equatable, Sendable {
  case earlyStopping(EarlyStopping.Options)
  case modelCheckpoint(ModelCheckpoint.Options)
  case reduceLROnPlateau(ReduceLROnPlateau.Options)
  case csvLogger(CSVLogger.Options)
  case terminateOnNaN
  case timer(Timer.Options)

  /// What JSON calls them.
  public static let types = [
    "early_stopping", "model_checkpoint", "reduce_lr_on_plateau", "csv_logger",
    "terminate_on_nan", "timer",
  ]

  public var type: String {
    switch self {
    case .earlyStopping: "early_stopping"
    case .modelCheckpoint: "model_checkpoint"
    case .reduceLROnPlateau: "reduce_lr_on_plateau"
    case .csvLogger: "csv_logger"
    case .terminateOnNaN: "terminate_on_nan"
    case .timer: "timer"
    }
  }

  func make() -> any Callback {
    switch self {
    case .earlyStopping(let options): EarlyStopping(options)
    case .modelCheckpoint(let options): ModelCheckpoint(options)
    case .reduceLROnPlateau(let options): ReduceLROnPlateau(options)
    case .csvLogger(let options): CSVLogger(options)
    case .terminateOnNaN: TerminateOnNaN()
    case .timer(let options): Timer(options)
    }
  }

  /// The same with whole paths, which mean the same files from every working directory.
  var located: CallbackSpec {
    guard case .csvLogger(var options) = self else { return self }
    options.filename = AbsolutePath.of(options.filename)
    return .csvLogger(options)
  }

  /// Whether the best weights are put back when training ends.
  var restoresBestWeights: Bool {
    if case .earlyStopping(let options) = self { return options.restoreBestWeights }
    return false
  }

  func validate() throws {
    switch self {
    case .earlyStopping(let options): try options.validate()
    case .modelCheckpoint(let options): try options.validate()
    case .reduceLROnPlateau(let options): try options.validate()
    case .csvLogger(let options): try options.validate()
    case .terminateOnNaN: break
    case .timer(let options): try options.validate()
    }
  }
}

extension CallbackSpec: Codable {
  private enum Key: String, CodingKey { case type }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let type = try values.decode(String.self, forKey: .type)
    switch type {
    case "early_stopping": self = .earlyStopping(try .init(from: decoder))
    case "model_checkpoint": self = .modelCheckpoint(try .init(from: decoder))
    case "reduce_lr_on_plateau": self = .reduceLROnPlateau(try .init(from: decoder))
    case "csv_logger": self = .csvLogger(try .init(from: decoder))
    case "terminate_on_nan": self = .terminateOnNaN
    case "timer": self = .timer(try .init(from: decoder))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: values,
        debugDescription: "unknown callback '\(type.excerpt)'; use "
          + CallbackSpec.types.joined(separator: ", "))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(type, forKey: .type)
    switch self {
    case .earlyStopping(let options): try options.encode(to: encoder)
    case .modelCheckpoint(let options): try options.encode(to: encoder)
    case .reduceLROnPlateau(let options): try options.encode(to: encoder)
    case .csvLogger(let options): try options.encode(to: encoder)
    case .terminateOnNaN: break
    case .timer(let options): try options.encode(to: encoder)
    }
  }
}
