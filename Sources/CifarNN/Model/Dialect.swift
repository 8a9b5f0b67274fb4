import CifarCore

/// Whose conventions a model follows where the frameworks differ: initialisation, batch
/// normalisation, Adam's epsilon.
public enum Dialect: String, Codable, CaseIterable, Sendable {
  case pytorch
  case keras

  /// - Throws: `invalidArgument`.
  public init(named name: String) throws {
    guard let dialect = Dialect(rawValue: name) else {
      throw CifarError(.invalidArgument, "unknown dialect '\(name)'; use pytorch or keras")
    }
    self = dialect
  }
}
