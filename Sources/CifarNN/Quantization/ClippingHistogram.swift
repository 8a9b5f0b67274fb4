/// The magnitudes of values that are to be quantized, counted, and the scale that suits them.
///
/// Zeros are left out: they have no error with any scale.
struct ClippingHistogram {
  let dtype: LayerSpec.IntegerType
  let largest: Float
  private(set) var counts: [Int]

  private static let bins = 2048

  init(dtype: LayerSpec.IntegerType, largest: Float) {
    self.dtype = dtype
    self.largest = largest
    counts = [Int](repeating: 0, count: ClippingHistogram.bins)
  }

  mutating func add(_ values: UnsafeBufferPointer<Float>) {
    guard largest > 0 else { return }
    let binsPerUnit = Float(ClippingHistogram.bins) / largest
    for value in values where value != 0 {
      // Of another pass, so that nothing is taken for granted.
      let bin = Int(min(value.magnitude * binsPerUnit, Float(ClippingHistogram.bins - 1)))
      counts[bin] += 1
    }
  }

  /// The scale with the least squared error, of those that clip at some share of the largest value.
  func bestScale() -> Double {
    // Values that are all zero are so with any scale.
    guard largest > 0 else { return 1 }
    let steps = 128
    let levels = Double(dtype == .uint8 ? 255 : 127)
    let scales = (steps / 16...steps).map {
      Double(largest) * Double($0) / Double(steps) / levels
    }
    let best = scales.min { error(scale: $0, levels) < error(scale: $1, levels) }
    // In the range that the layer has: beyond it all errors are as good as nothing.
    return Double(Float(min(max(best ?? 1, 1e-12), 1e12)))
  }

  private func error(scale: Double, _ levels: Double) -> Double {
    let width = Double(largest) / Double(ClippingHistogram.bins)
    var sum = 0.0
    for (bin, count) in counts.enumerated() where count > 0 {
      let value = (Double(bin) + 0.5) * width
      let difference = value - min((value / scale).rounded(), levels) * scale
      sum += Double(count) * difference * difference
    }
    return sum
  }
}
