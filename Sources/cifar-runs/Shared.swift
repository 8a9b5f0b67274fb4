import CifarRegistry
import CommandSupport

extension Option {
  static let registry = Option(
    "--registry", value: "FILE",
    help: "the registry to read (else $CIFAR_REGISTRY, else ./cifar-runs.db)")
  static let json = Option("--json", help: "JSON instead of a table")
}

extension Arguments {
  /// The registry that the options and the environment name, for reading.
  func openRegistry() throws -> Registry {
    try Registry(path: value("--registry") ?? Registry.defaultPath(), mode: .readOnly)
  }
}

extension RunStatus {
  var style: Style {
    switch self {
    case .running: .cyan
    case .completed: .green
    case .stopped, .interrupted: .yellow
    case .failed, .crashed: .red
    }
  }
}

extension RunSummary {
  var epochsText: String { "\(epochs)/\(epochsPlanned)" }
}

extension Optional where Wrapped == Double {
  /// The number formatted, or a dash where there is none.
  func text(_ format: (Double) -> String) -> String { map(format) ?? "–" }
}
