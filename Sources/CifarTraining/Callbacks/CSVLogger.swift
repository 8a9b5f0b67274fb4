import CifarCore

/// Writes a line an epoch into a text file: Keras's `CSVLogger`, with its column names and its
/// epochs that count from 0.
///
/// The file may hold lines of other runs, and other runs may be appending to it. A resumed run
/// appends to its file: its own lines of epochs that it trains again are taken out, those of its
/// epochs that are missing are put back, and everybody else's stay.
///
/// A new run that can't write it does not begin. Later on, where it can't be written, the training
/// continues without it and says so once: a log is not worth a run.
public final class CSVLogger: Callback {
  public struct Options: CallbackOptions {
    /// Recorded with its whole path, so that a resume from another directory finds it.
    public var filename = ""
    public var separator = ","
    public var append = false

    public static let type = "csv_logger"
    public static let meaning = "Keras's CSVLogger: a line an epoch into a text file"
    public static let example = #"{"filename": "log.csv"}"#
    public static let options: [OptionDescription<Self>] = [
      .value(
        OptionRow("filename", .text, "a path", "the file", isRequired: true), \.filename
      ) { $0.isEmpty ? "is empty" : nil },
      .value(
        OptionRow("separator", .text, "one character", "between two values"), \.separator
      ) {
        $0.count == 1 && !"\"\n\r0123456789.".contains($0)
          ? nil : "'\($0)' is not one character such as ',' or ';'"
      },
      .flag("append", \.append, "a new run keeps what the file has; else it starts the file over"),
    ]

    public init() {}

    public init(filename: String, separator: String = ",", append: Bool = false) {
      self.filename = filename
      self.separator = separator
      self.append = append
    }

    func make() -> any Callback { CSVLogger(self) }

    var located: Options {
      var options = self
      options.filename = AbsolutePath.of(filename)
      return options
    }
  }

  private let options: Options
  private let file: CSVLogFile
  var state = CallbackState()
  var writesFile: Bool { true }
  /// The epochs that this run recorded before; nil for a new run.
  private var recorded: [EpochMetrics]?
  /// Lines that may be this run's, of epochs that it recorded nowhere else.
  private var unclaimed: [CSVLogLine] = []
  /// Whether the session continues without the log.
  private var isGivenUp = false

  package init(_ options: Options) {
    self.options = options
    file = CSVLogFile(
      path: AbsolutePath.of(options.filename), separator: options.separator,
      columns: ["epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"])
  }

  func recall(_ epochs: [EpochMetrics]) { recorded = epochs }

  package func trainBegan(epoch: Int, _ remarks: inout [String]) throws {
    isGivenUp = false
    if epoch == 0 && recorded == nil { return try begin() }
    do {
      try resume(epoch: epoch)
    } catch {
      giveUp(error, &remarks)
    }
  }

  private func begin() throws {
    if options.append {
      _ = try file.resume(keeping: [], dropping: [], isNew: true)
    } else {
      try file.begin()
    }
  }

  private func resume(epoch: Int) throws {
    let own = recorded ?? []
    unclaimed = try file.resume(
      keeping: own.filter { $0.epoch <= epoch }.map(line),
      dropping: own.filter { $0.epoch > epoch }.map(line), isNew: false)
    // Those of epochs that were done are other runs'.
    unclaimed.removeAll { $0.epoch < epoch }
  }

  package func trainEnded() { file.end() }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) throws {
    guard !isGivenUp else { return }
    let line = line(metrics)
    // Written by a process that was killed before the epoch was recorded.
    if let place = unclaimed.firstIndex(where: line.isSame) {
      unclaimed.remove(at: place)
      return
    }
    do {
      try file.append(line)
    } catch {
      giveUp(error, &control.remarks)
    }
  }

  private func giveUp(_ error: any Error, _ remarks: inout [String]) {
    isGivenUp = true
    unclaimed = []
    file.end()
    remarks.append(
      "\(error); training continues without the log; a resume that can write it puts the lines "
        + "back")
  }

  private func line(_ metrics: EpochMetrics) -> CSVLogLine {
    CSVLogLine(
      epoch: metrics.epoch - 1,
      values: [
        metrics.trainAccuracy, metrics.learningRate, metrics.trainLoss, metrics.valAccuracy,
        metrics.valLoss,
      ])
  }
}
