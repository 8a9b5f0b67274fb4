/// A number of an epoch.
///
/// The registry's table, the filter language, tables, CSV, JSON, plots, reports and TensorBoard files
/// read its description here. Each case is named as the registry's column.
public enum EpochMetric: String, CaseIterable, Sendable {
  case trainLoss = "train_loss"
  case trainAccuracy = "train_accuracy"
  case valLoss = "val_loss"
  case valAccuracy = "val_accuracy"
  case learningRate = "learning_rate"
  case seconds
  case imagesPerSecond = "images_per_second"
  case cpuSeconds = "cpu_seconds"
  case peakMemory = "peak_memory"

  /// How a value is written for people.
  public enum Format: Sendable {
    case loss
    /// A fraction from 0 to 1, shown as a percentage.
    case percent
    case number
    case duration
    /// A number whose decimals mean nothing.
    case whole
    case bytes
  }

  /// Which values are better.
  public enum Direction: Sendable {
    case lower
    case higher
  }

  private struct Description {
    /// Over a table's column.
    var title: String
    var unit: String
    var format: Format
    /// nil where neither is better.
    var direction: Direction?
    /// The chart of a report that it belongs to.
    var chart: String
    /// TensorBoard's name; it draws what has the same first part in one section.
    var tag: String
    /// In a narrow terminal the columns with the highest rank are left out first; 0 stays.
    var rank = 0
  }

  private var description: Description {
    switch self {
    case .trainLoss:
      Description(
        title: "TRAIN LOSS", unit: "nats", format: .loss, direction: .lower, chart: "loss",
        tag: "loss/train", rank: 2)
    case .trainAccuracy:
      Description(
        title: "TRAIN ACC", unit: "fraction", format: .percent, direction: .higher,
        chart: "accuracy", tag: "accuracy/train", rank: 3)
    case .valLoss:
      Description(
        title: "VAL LOSS", unit: "nats", format: .loss, direction: .lower, chart: "loss",
        tag: "loss/validation")
    case .valAccuracy:
      Description(
        title: "VAL ACC", unit: "fraction", format: .percent, direction: .higher,
        chart: "accuracy", tag: "accuracy/validation")
    case .learningRate:
      Description(
        title: "LR", unit: "", format: .number, chart: "learning rate", tag: "learning_rate",
        rank: 4)
    case .seconds:
      Description(
        title: "TIME", unit: "s", format: .duration, direction: .lower, chart: "seconds per epoch",
        tag: "speed/seconds", rank: 5)
    case .imagesPerSecond:
      Description(
        title: "IMG/S", unit: "images/s", format: .whole, direction: .higher,
        chart: "images per second", tag: "speed/images_per_second", rank: 6)
    case .cpuSeconds:
      Description(
        title: "CPU TIME", unit: "s", format: .duration, direction: .lower,
        chart: "processor seconds per epoch", tag: "speed/cpu_seconds", rank: 7)
    case .peakMemory:
      Description(
        title: "PEAK MEM", unit: "bytes", format: .bytes, direction: .lower, chart: "peak memory",
        tag: "memory/peak", rank: 8)
    }
  }

  public var name: String { rawValue }
  public var title: String { description.title }
  public var unit: String { description.unit }
  public var format: Format { description.format }
  public var direction: Direction? { description.direction }
  public var chart: String { description.chart }
  public var tag: String { description.tag }
  public var rank: Int { description.rank }

  /// Its legal values, besides NaN. A diverged run has infinite losses.
  public var range: ClosedRange<Double> {
    switch format {
    case .loss: -.infinity ... .infinity
    case .percent: 0...1
    case .number, .duration, .whole, .bytes: 0 ... .infinity
    }
  }
}
