/// How a checkpoint was chosen, and which one that was at the time.
public struct ChosenCheckpoint: Sendable, Equatable {
  public var choice: CheckpointChoice
  public var id: Int64

  public init(_ choice: CheckpointChoice, id: Int64) {
    self.choice = choice
    self.id = id
  }
}

/// Another session has continued the run since: "last" or "best" is another checkpoint now.
public struct MovedCheckpoint: Error {}
