import CifarCore

/// Writes a line an epoch into a text file: Keras's `CSVLogger`, with its column names and its
/// epochs that count from 0.
///
/// The file may hold lines of other runs, and other runs may be appending to it. A run that is gone
/// on with goes on in its file: its own lines of epochs that it trains again are taken out, those of
/// its epochs that are missing are put back, and everybody else's stay.
public final class CSVLogger: Callback {
  public struct Options: Equatable, Sendable {
    /// Recorded with its whole path, so that a resume from another directory finds it.
    public var filename: String
    public var separator: String
    /// Whether a new run leaves what the file has; else it begins anew.
    public var append: Bool

    public init(filename: String, separator: String = ",", append: Bool = false) {
      self.filename = filename
      self.separator = separator
      self.append = append
    }

    func validate() throws {
      guard !filename.isEmpty else {
        throw CifarError(.invalidArgument, "CSV logger: filename is empty")
      }
      guard separator.count == 1, !"\"\n\r0123456789.".contains(separator) else {
        throw CifarError(
          .invalidArgument,
          "CSV logger: separator '\(separator)' is not one character such as ',' or ';'")
      }
    }
  }

  private let options: Options
  private let file: CSVLogFile
  var state = CallbackState()
  /// The epochs that this run recorded before; nil for a new run.
  private var recorded: [EpochMetrics]?
  /// Lines that may be this run's, of epochs that it recorded nowhere else.
  private var unclaimed: [CSVLogLine] = []

  package init(_ options: Options) {
    self.options = options
    file = CSVLogFile(
      path: AbsolutePath.of(options.filename), separator: options.separator,
      columns: ["epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"])
  }

  func recall(_ epochs: [EpochMetrics]) { recorded = epochs }

  package func trainBegan(epoch: Int) throws {
    let isNew = epoch == 0 && recorded == nil
    if isNew && !options.append { return try file.begin() }
    let own = recorded ?? []
    unclaimed = try file.goOn(
      keeping: own.filter { $0.epoch <= epoch }.map(line),
      dropping: own.filter { $0.epoch > epoch }.map(line), isNew: isNew)
    // Those of epochs that were done are other runs'.
    unclaimed.removeAll { isNew || $0.epoch < epoch }
  }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) throws {
    let line = line(metrics)
    // Written by a process that was killed before the epoch was recorded.
    if let place = unclaimed.firstIndex(where: line.isSame) {
      unclaimed.remove(at: place)
    } else {
      try file.append(line)
    }
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

extension CSVLogger.Options: Codable {
  enum CodingKeys: String, CodingKey { case filename, separator, append }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    filename = try values.decode(String.self, forKey: .filename)
    separator = try values.decodeIfPresent(String.self, forKey: .separator) ?? ","
    append = try values.decodeIfPresent(Bool.self, forKey: .append) ?? false
  }
}
