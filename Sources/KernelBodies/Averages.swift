import KernelABI

// Means over a plane or over its 2×2 squares. Each forward kernel is followed by what carries the
// gradient back.

extension KernelSet {
  public func planeMean(_ plane: Input, pixels: Int, channels: Int, mean: Output) {
    let means = planeTotal(plane, pixels: pixels) * Vector(repeating: 1 / Float(pixels))
    for lane in 0..<channels { mean[lane] = means[lane] }
  }

  public func planeMeanBackward(_ gradient: Input, pixels: Int, channels: Int, dx: Output) {
    var share = Vector.zero
    for lane in 0..<channels { share[lane] = gradient[lane] / Float(pixels) }
    for i in 0..<pixels { store(share, dx + i * lanes) }
  }

  public func planeAveragePool(_ plane: Input, height: Int, width: Int, output: Output) {
    let quarter = Vector(repeating: 0.25)
    var to = output
    for y in 0..<(height / 2) {
      var upper = plane + 2 * y * width * lanes
      for _ in 0..<(width / 2) {
        let lower = upper + width * lanes
        let sum = (load(upper) + load(upper + lanes)) + (load(lower) + load(lower + lanes))
        store(sum * quarter, to)
        to += lanes
        upper += 2 * lanes
      }
    }
  }

  public func planeAveragePoolBackward(
    _ gradient: Input, height: Int, width: Int, dx: Output
  ) {
    let quarter = Vector(repeating: 0.25)
    for y in 0..<height {
      for x in 0..<width {
        let isPooled = y / 2 < height / 2 && x / 2 < width / 2
        let from = gradient + (y / 2 * (width / 2) + x / 2) * lanes
        store(isPooled ? load(from) * quarter : .zero, dx + (y * width + x) * lanes)
      }
    }
  }
}
