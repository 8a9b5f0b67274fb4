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
  private let origin: Double
  /// Σ(x − origin)
  private var sum = 0.0
  /// Σ(x − origin)²
  private var squares = 0.0

  /// - Parameter plane: the shift and both sums of the first plane, `lanes` floats apart, as those
  ///   of all planes lie.
  init(_ plane: UnsafePointer<Float>, lanes: Int, pixels: Double) {
    origin = Double(plane[0])
    add(plane, lanes: lanes, pixels: pixels)
  }

  /// Adds another plane of as many pixels.
  mutating func add(_ plane: UnsafePointer<Float>, lanes: Int, pixels: Double) {
    let distance = Double(plane[0]) - origin
    let sum = Double(plane[lanes])
    self.sum += sum + pixels * distance
    squares += Double(plane[2 * lanes]) + distance * (2 * sum + pixels * distance)
  }

  /// - Parameter count: values of all planes.
  func mean(of count: Double) -> Double { origin + sum / count }

  /// With n, not n − 1.
  func variance(of count: Double) -> Double {
    let shifted = sum / count
    // A NaN must come out as it is.
    let variance = squares / count - shifted * shifted
    return variance < 0 ? 0 : variance
  }
}
