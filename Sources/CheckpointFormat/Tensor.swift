import Glibc

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

  /// Whether two tensors have the same shape and, bit by bit, the same numbers: NaN is NaN here.
  func hasSameBits(as other: Tensor) -> Bool {
    guard shape == other.shape, values.count == other.values.count else { return false }
    return values.withUnsafeBytes { own in
      other.values.withUnsafeBytes { others in
        guard let first = own.baseAddress, let second = others.baseAddress else { return true }
        return first == second || memcmp(first, second, own.count) == 0
      }
    }
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
