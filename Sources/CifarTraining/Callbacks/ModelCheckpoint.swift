import CifarCore
import CifarNN

/// Marks the checkpoint that is to be used afterwards: Keras's ModelCheckpoint, and the tutorial's
/// `torch.save` of the best model.
///
/// With `save_best_only` that is the one of the epoch whose metric is the best so far, compared as
/// EarlyStopping of the same dialect does: in 32 bits by Keras, by every digit in the PyTorch
/// tutorial's loop. In both, NaN is never the best; Keras would keep that of a first epoch for ever.
/// Without, it is always the last one, as Keras overwrites its file. With a number of batches as
/// `save_freq` checkpoints are also stored in the middle of epochs.
public final class ModelCheckpoint: Callback {
  public struct Options: CallbackOptions {
    /// Stored options without a dialect compare every digit.
    public var dialect = Dialect.pytorch
    public var monitor = Monitor.valLoss
    public var mode = MonitorMode.auto
    public var saveBestOnly = true
    /// nil for Keras's `"epoch"`.
    public var saveFrequency: Int?
    public var initialValueThreshold: Double?

    public static let type = "model_checkpoint"
    public static let meaning =
      "Keras's ModelCheckpoint; in pytorch, the tutorial's torch.save of the best model"
    public static let example = #"{"save_best_only": true}"#
    public static let options: [OptionDescription<Self>] = [
      .word("dialect", \.dialect, CallbackText.dialect),
      .word("monitor", \.monitor, CallbackText.monitor),
      .word("mode", \.mode, CallbackText.mode),
      .flag("save_best_only", \.saveBestOnly, "else the last checkpoint is the best one"),
      .number(
        "initial_value_threshold", \.initialValueThreshold, .finite,
        "what the first best value has to be better than"),
      saveFrequency,
    ]

    private static let saveFrequency: OptionDescription<Self> = {
      let key = AnyKey(stringValue: "save_freq")
      return OptionDescription(
        OptionRow(
          key.stringValue, .whole, "epoch, or a whole number from 1",
          "also a checkpoint every n batches", range: 1...Int.max),
        read: { options, values in
          guard let word = try? values.decodeIfPresent(String.self, forKey: key) else {
            options.saveFrequency = try values.decodeIfPresent(Int.self, forKey: key)
            return
          }
          guard word == "epoch" else {
            throw DecodingError.dataCorruptedError(
              forKey: key, in: values,
              debugDescription: "'\(word)' is neither \"epoch\" nor a number of batches")
          }
          options.saveFrequency = nil
        },
        write: { options, values in
          if let number = options.saveFrequency {
            try values.encode(number, forKey: key)
          } else {
            try values.encode("epoch", forKey: key)
          }
        },
        check: { options, start in
          guard let number = options.saveFrequency, number < 1 else { return }
          throw CifarError(
            .invalidArgument,
            "\(start)save_freq \(number) is neither \"epoch\" nor a number of batches of at least 1"
          )
        }, text: { $0.saveFrequency.map { "\($0)" } ?? "epoch" })
    }()

    public init() {}

    public init(
      dialect: Dialect, monitor: Monitor, mode: MonitorMode = .auto, saveBestOnly: Bool = true,
      saveFrequency: Int? = nil, initialValueThreshold: Double? = nil
    ) {
      self.dialect = dialect
      self.monitor = monitor
      self.mode = mode
      self.saveBestOnly = saveBestOnly
      self.saveFrequency = saveFrequency
      self.initialValueThreshold = initialValueThreshold
    }

    func make() -> any Callback { ModelCheckpoint(self) }
  }

  private let options: Options
  private let comparison: Comparison
  var state = CallbackState()

  init(_ options: Options) {
    self.options = options
    comparison = Comparison(options.monitor, options.mode)
  }

  func batchEnded(_ outcome: BatchOutcome, _ control: inout BatchControl) {
    guard let frequency = options.saveFrequency else { return }
    state.wait += 1
    guard state.wait >= frequency else { return }
    state.wait = 0
    control.savesCheckpoint = true
  }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) {
    let value = options.monitor.value(in: metrics)
    let isBetter = improves(value, over: state.best ?? options.initialValueThreshold)
    if isBetter {
      state.best = value
      state.bestEpoch = metrics.epoch
    }
    if isBetter || !options.saveBestOnly { control.isBestCheckpoint = true }
  }

  private func improves(_ value: Double, over best: Double?) -> Bool {
    switch options.dialect {
    case .keras: !value.isNaN && comparison.isKerasImprovement(value, over: best, by: 0)
    case .pytorch: comparison.isBetter(value, than: best ?? comparison.worst)
    }
  }
}
