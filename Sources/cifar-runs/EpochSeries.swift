import CifarRegistry

/// One metric of a run over its epochs.
struct EpochSeries {
  var label: String
  /// Epoch and value; what was not measured is left out, what is not a number stays.
  var points: [(x: Double, y: Double)]

  static let builtIn = [
    "train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "seconds",
    "images_per_second",
  ]

  /// The names of a run's metrics, its own ones included.
  static func names(of run: RunDetail) -> [String] {
    builtIn + Set(run.metrics.map(\.name)).sorted()
  }

  static func values(_ name: String, of run: RunDetail) -> [(x: Double, y: Double)] {
    let own = run.metrics.filter { $0.name == name || "metrics.\($0.name)" == name }
    if !own.isEmpty { return own.map { (Double($0.epoch), $0.value) } }
    return run.epochs.compactMap { row in
      value(name, row).map { (Double(row.epoch), $0) }
    }
  }

  private static func value(_ name: String, _ row: EpochRow) -> Double? {
    switch name {
    case "train_loss": row.trainLoss
    case "val_loss": row.valLoss
    case "train_accuracy": row.trainAccuracy
    case "val_accuracy": row.valAccuracy
    case "lr": row.learningRate
    case "seconds": row.seconds
    case "images_per_second": row.imagesPerSecond
    default: nil
    }
  }
}
