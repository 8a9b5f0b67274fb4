/// A remark on a run.
public struct Note: Sendable, Equatable {
  public var created: Timestamp
  public var text: String
}
