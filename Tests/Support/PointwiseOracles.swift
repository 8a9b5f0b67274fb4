import Glibc

/// Batch normalisation, ReLU, GELU, max-pooling and dropout in double. Images are (N, C, H, W).
public enum PointwiseOracles {
  public struct Moments {
    public var mean: [Double]
    /// With n, not n − 1.
    public var variance: [Double]

    public init(mean: [Double], variance: [Double]) {
      self.mean = mean
      self.variance = variance
    }
  }

  public static func moments(_ x: [Double], channels: Int, pixels: Int) -> Moments {
    let n = Double(x.count / channels)
    var result = Moments(
      mean: .init(repeating: 0, count: channels), variance: .init(repeating: 0, count: channels))
    for (i, value) in x.enumerated() { result.mean[i / pixels % channels] += value / n }
    for (i, value) in x.enumerated() {
      let channel = i / pixels % channels
      let difference = value - result.mean[channel]
      result.variance[channel] += difference * difference / n
    }
    return result
  }

  /// γ·(x − mean)/√(var + ε) + β with the moments of the batch, or with those given.
  public static func batchNorm(
    _ x: [Double], weight: [Double], bias: [Double], epsilon: Double, pixels: Int,
    using given: Moments? = nil
  ) -> [Double] {
    let channels = weight.count
    let moments = given ?? moments(x, channels: channels, pixels: pixels)
    return x.enumerated().map { i, value in
      let c = i / pixels % channels
      return weight[c] * (value - moments.mean[c]) / (moments.variance[c] + epsilon).squareRoot()
        + bias[c]
    }
  }

  public static func relu(_ x: [Double]) -> [Double] { x.map { $0 > 0 ? $0 : 0 } }

  /// scale·q, where q is x/scale, rounded and kept within the range.
  public static func quantize(
    _ x: [Double], scale: Double, _ range: ClosedRange<Int>
  ) -> [Double] {
    x.map {
      let whole = ($0 / scale).rounded(.toNearestOrEven)
      return scale * min(max(whole, Double(range.lowerBound)), Double(range.upperBound))
    }
  }

  /// x·Φ(x)
  public static func gelu(_ x: [Double]) -> [Double] {
    x.map { $0 * erfc(-$0 / 2.0.squareRoot()) / 2 }
  }

  /// The maximum of every rectangle; rows and columns that the last lacks are left out.
  public static func maxPool(
    _ x: [Double], height: Int, width: Int, rows: Int = 2, columns: Int = 2
  ) -> [Double] {
    var result: [Double] = []
    for plane in 0..<(x.count / (height * width)) {
      for y in 0..<(height / rows) {
        for column in 0..<(width / columns) {
          let corner = (plane * height + rows * y) * width + columns * column
          let places = (0..<(rows * columns)).map { corner + $0 / columns * width + $0 % columns }
          result.append(places.map { x[$0] }.max() ?? 0)
        }
      }
    }
    return result
  }

  /// The mean of every 2×2 square; an odd last row or column is left out.
  public static func averagePool(_ x: [Double], height: Int, width: Int) -> [Double] {
    var result: [Double] = []
    for plane in 0..<(x.count / (height * width)) {
      for y in 0..<(height / 2) {
        for column in 0..<(width / 2) {
          let corner = (plane * height + 2 * y) * width + 2 * column
          result.append(
            (x[corner] + x[corner + 1] + x[corner + width] + x[corner + width + 1]) / 4)
        }
      }
    }
    return result
  }

  /// The mean of every plane.
  public static func means(_ x: [Double], pixels: Int) -> [Double] {
    (0..<(x.count / pixels)).map { plane in
      x[(plane * pixels)..<((plane + 1) * pixels)].reduce(0, +) / Double(pixels)
    }
  }

  /// x·mask·scale
  public static func dropout(_ x: [Double], mask: [UInt8], scale: Double) -> [Double] {
    zip(x, mask).map { $1 == 0 ? 0 : $0 * scale }
  }
}
