/// Which checkpoint of a run is meant.
public enum CheckpointChoice: Sendable, Equatable, CustomStringConvertible {
  case last
  case best
  case id(Int64)

  /// Reads `last`, `best` or a checkpoint's id.
  public init?(_ text: String) {
    switch text {
    case "last": self = .last
    case "best": self = .best
    default:
      guard let id = Int64(text), id > 0 else { return nil }
      self = .id(id)
    }
  }

  public var description: String {
    switch self {
    case .last: "last"
    case .best: "best"
    case .id(let id): "\(id)"
    }
  }
}
