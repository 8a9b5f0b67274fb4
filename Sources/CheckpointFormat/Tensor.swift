/// A named array of numbers, row-major: what goes into a checkpoint and comes out of it.
public struct Tensor: Equatable, Sendable {
  public var name: String
  public var shape: [Int]
  public var values: [Float]

  public init(name: String, shape: [Int], values: [Float]) {
    self.name = name
    self.shape = shape
    self.values = values
  }

  /// Where a number lies, `[0, 2, 1, 1]`, from its place in `values`.
  public func index(of place: Int) -> [Int] {
    var rest = place
    var index: [Int] = []
    for dimension in shape.reversed() where dimension > 0 {
      index.append(rest % dimension)
      rest /= dimension
    }
    return index.reversed()
  }
}
