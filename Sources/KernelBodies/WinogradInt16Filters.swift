import KernelABI

extension KernelSet {
  public func winogradFiltersInt16(
    _ shape: ConvolutionShape, _ filters: Input, to transformed: UnsafeMutablePointer<Int16>,
    scales: Output, rotated: Bool, panel index: Int, vector: Int, scratch: Output
  ) {
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    let groups = blocks(inputs, of: lanes)
    for group in 0..<groups {
      transformFilters(
        shape, filters, rotated: rotated, firstOutput: index * panel + vector * lanes, group: group
      ) { input, taps in
        transformFilter(
          taps, kernel: shape.kernel, scratch + input * Winograd.points * lanes, lanes)
      }
    }
    storeFilters(
      Input(scratch), inputs: groups * lanes, sumLimit: Int16Products.filterLimit,
      bound: { Int16Products.inputBound($0 / 6) * Int16Products.inputBound($0 % 6) },
      to: transformed + index * Winograd.points * groups * lanes * panel + vector * 2 * lanes,
      scales: scales + index * Winograd.points * panel + vector * lanes)
  }

  /// Filters, (inputs, 36, lanes), as pairs of inputs for each point, and what takes their scales and
  /// the bounds of the data back.
  @inline(__always)
  func storeFilters(
    _ filters: Input, inputs: Int, sumLimit: Float, bound: (Int) -> Float,
    to transformed: UnsafeMutablePointer<Int16>, scales: Output
  ) {
    // Two points at a time: their sums do not wait for each other.
    for point in stride(from: 0, to: Winograd.points, by: 2) {
      let (from0, from1) = (filters + point * lanes, filters + (point + 1) * lanes)
      let (scale0, scale1) = filterScales(from0, from1, inputs, sumLimit)
      store(Vector(repeating: bound(point)) / scale0, scales + point * panel)
      store(Vector(repeating: bound(point + 1)) / scale1, scales + (point + 1) * panel)
      let (to0, to1) = (
        transformed + point * inputs * panel, transformed + (point + 1) * inputs * panel
      )
      for pair in 0..<(inputs / 2) {
        let (first, second) = (
          2 * pair * Winograd.points * lanes, (2 * pair + 1) * Winograd.points * lanes
        )
        storePairs(
          pairs(toInt16(load(from0 + first), scale0), toInt16(load(from0 + second), scale0)),
          to0 + 2 * pair * panel)
        storePairs(
          pairs(toInt16(load(from1 + first), scale1), toInt16(load(from1 + second), scale1)),
          to1 + 2 * pair * panel)
      }
    }
  }

  /// The largest scales with which neither a filter nor a sum of magnitudes leaves its range, of two
  /// points.
  @inline(__always)
  private func filterScales(
    _ first: Input, _ second: Input, _ inputs: Int, _ sumLimit: Float
  ) -> (Vector, Vector) {
    var (largest0, largest1) = (Vector.zero, Vector.zero)
    var (largestSum0, largestSum1) = (Vector.zero, Vector.zero)
    var input = 0
    while input < inputs {
      var (sum0, sum1) = (Vector.zero, Vector.zero)
      for i in input..<min(inputs, input + Int16Products.sumInputs) {
        let size0 = magnitude(load(first + i * Winograd.points * lanes))
        let size1 = magnitude(load(second + i * Winograd.points * lanes))
        sum0 += size0
        sum1 += size1
        largest0 = larger(largest0, size0)
        largest1 = larger(largest1, size1)
      }
      largestSum0 = larger(largestSum0, sum0)
      largestSum1 = larger(largestSum1, sum1)
      input += Int16Products.sumInputs
    }
    return (
      filterScale(largest0, largestSum0, sumLimit), filterScale(largest1, largestSum1, sumLimit)
    )
  }

  @inline(__always)
  private func filterScale(
    _ largest: Vector, _ largestSum: Vector, _ sumLimit: Float
  ) -> Vector {
    // Rounding may add a half to each. Filters of zeros have a scale as well.
    let total = sumLimit - Float(Int16Products.sumInputs) / 2
    let tiny = Vector(repeating: 1e-30)
    return smaller(
      Vector(repeating: total) / larger(largestSum, tiny),
      Vector(repeating: Int16Products.dataLimit) / larger(largest, tiny))
  }
}
