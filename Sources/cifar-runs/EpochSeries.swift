import CifarCore
import CifarRegistry
import CommandSupport

/// The metrics of a run over its epochs.
enum EpochSeries {
  static let builtIn = EpochMetric.allCases.map(\.name)

  /// The names of a run's metrics, its own ones included.
  static func names(of run: RunDetail) -> [String] {
    builtIn + Set(run.metrics.map(\.name)).sorted()
  }

  /// Epoch and value; what was not measured is left out, what is not a number stays.
  static func values(_ name: String, of run: RunDetail) -> [(x: Double, y: Double)] {
    let own = run.metrics.filter { $0.name == name || "metrics.\($0.name)" == name }
    if !own.isEmpty { return own.map { (Double($0.epoch), $0.value) } }
    guard let metric = EpochMetric(rawValue: name) else { return [] }
    return run.epochs.compactMap { row in row[metric].map { (Double(row.epoch), $0) } }
  }
}
