import CifarCore

/// Looks at what would go into each `quantize` layer of a plan, which then passes it on as it is.
///
/// The first pass over the images finds the ranges, the second one counts. Belongs to one thread.
final class QuantizeObserver {
  /// In the order of the layers.
  private var paths: [String] = []
  /// By the layer's path.
  private var ranges: [String: ClosedRange<Float>] = [:]
  private(set) var histograms: [String: ClippingHistogram] = [:]

  func observe(_ path: String, _ values: UnsafeBufferPointer<Float>) {
    if histograms[path] != nil {
      histograms[path]?.add(values)
      return
    }
    if ranges[path] == nil { paths.append(path) }
    var (low, high) = (ranges[path]?.lowerBound ?? 0, ranges[path]?.upperBound ?? 0)
    for value in values {
      if value < low { low = value }
      if value > high { high = value }
      // No comparison finds it.
      if value.isNaN { high = .infinity }
    }
    ranges[path] = low...high
  }

  /// - Throws: `notFinite`, naming the layer.
  func beginHistograms() throws {
    for path in paths {
      guard let range = ranges[path] else { continue }
      let largest = max(-range.lowerBound, range.upperBound)
      guard largest.isFinite else {
        throw CifarError(
          .notFinite,
          "can't be quantized: of the calibration images, numbers before layer \(path) overflow")
      }
      histograms[path] = ClippingHistogram(
        dtype: range.lowerBound < 0 ? .int8 : .uint8, largest: largest)
    }
  }
}
