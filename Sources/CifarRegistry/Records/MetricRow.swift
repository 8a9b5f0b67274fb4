/// A value that the program measured itself, with the epoch it belongs to.
public struct MetricRow: Sendable, Equatable {
  public var name: String
  public var epoch: Int
  public var value: Double

  public init(name: String, epoch: Int, value: Double) {
    self.name = name
    self.epoch = epoch
    self.value = value
  }
}
