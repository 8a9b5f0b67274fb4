import Kernels

/// Mean and variance of a channel, from sums over its planes that were each taken about a value of
/// the plane (`KernelTable.planeMoments`).
///
/// Taken about 0, or about any value far away, Σx²/n − mean² cancels digits: with a mean of 1000
/// deviations six of the seven that a float32 has. About a value near the mean none are lost, and
/// between the planes it is double precision that keeps them. Everything follows from the batch
/// alone, plane after plane.
struct ChannelMoments {
  /// The shift of the first plane.
  private(set) var origin = 0.0
  /// Values so far; 0 before the first plane.
  private(set) var count = 0.0
  /// Σ(x − origin)
  private(set) var sum = 0.0
  /// Σ(x − origin)²
  private(set) var squares = 0.0

  /// Adds a plane.
  ///
  /// - Parameter plane: its shift and both sums, `lanes` floats apart.
  mutating func add(_ plane: UnsafePointer<Float>, lanes: Int, pixels: Double) {
    var next = ChannelMoments()
    next.origin = Double(plane[0])
    next.count = pixels
    next.sum = Double(plane[lanes])
    next.squares = Double(plane[2 * lanes])
    self = self + next
  }

  /// Those of all values of both.
  static func + (one: ChannelMoments, other: ChannelMoments) -> ChannelMoments {
    guard one.count > 0 else { return other }
    guard other.count > 0 else { return one }
    var result = one
    let distance = other.origin - one.origin
    result.count += other.count
    result.sum += other.sum + other.count * distance
    result.squares += other.squares + distance * (2 * other.sum + other.count * distance)
    return result
  }

  var mean: Double { origin + sum / count }

  /// With n, not n − 1.
  var variance: Double {
    let shifted = sum / count
    // A NaN must come out as it is.
    let variance = squares / count - shifted * shifted
    return variance < 0 ? 0 : variance
  }
}
