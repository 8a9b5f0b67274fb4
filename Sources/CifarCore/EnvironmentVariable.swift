import Glibc

/// The environment variables that the library and its commands read: described here, listed by the
/// manual pages from here, and read nowhere else.
public enum EnvironmentVariable: String, CaseIterable, Sendable {
  case registry = "CIFAR_REGISTRY"
  case dataDirectory = "CIFAR10_DIR"
  case downloadURL = "CIFAR10_URL"
  case instructionSet = "CIFAR_ISA"
  case convolution = "CIFAR_CONV"
  case home = "HOME"
  case temporaryDirectory = "TMPDIR"
  case noColor = "NO_COLOR"
  case terminal = "TERM"
  case columns = "COLUMNS"

  public var name: String { rawValue }

  /// What it is for, as the manual pages tell.
  public var help: String {
    switch self {
    case .registry: "the registry's file where --registry does not name one (else ./cifar-runs.db)"
    case .dataDirectory:
      "the directory of the images where --data or --dir does not name one; they are looked for "
        + "nowhere else then"
    case .downloadURL: "where data download gets the images from (else the publisher)"
    case .instructionSet:
      "the kernels' instruction set: \(InstructionSetChoice.words) (else the best that runs here)"
    case .convolution: "how convolutions are computed: \(ConvolutionChoice.words) (else auto)"
    case .home: "where .cache/cifar10 and .keras/datasets are looked for"
    case .temporaryDirectory: "where temporary files go (else /tmp)"
    case .noColor: "set to anything, it turns colours off"
    case .terminal: "where it is dumb, unknown or not set, no escape sequence is written"
    case .columns: "how wide help is where it does not go to a terminal (else 80)"
    }
  }

  /// Its value now; nil where it is not set, or empty.
  ///
  /// - Throws: `invalidArgument` for one that is not UTF-8: repaired in silence, it would name
  ///   another file.
  public func text() throws -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    if let text = String(validatingCString: value) { return text }
    throw CifarError(
      .invalidArgument,
      "the environment variable \(name) is not UTF-8: '\(SystemText.escaped(value).excerpt)'; set "
        + "it to another name")
  }

  /// Whether it is set and not empty.
  public var isSet: Bool { getenv(name).map { $0.pointee != 0 } ?? false }
}
