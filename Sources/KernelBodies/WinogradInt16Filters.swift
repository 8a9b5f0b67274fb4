import KernelABI

extension KernelSet {
  public func winogradFiltersInt16(
    _ shape: ConvolutionShape, _ filters: Input, to transformed: UnsafeMutablePointer<Int16>,
    scales: Output, rotated: Bool, panel index: Int, vector: Int, scratch: Output
  ) {
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    let groups = blocks(inputs, of: lanes)
    let pointStride = groups * lanes * lanes
    for group in 0..<groups {
      transformFilters(
        shape, filters, rotated: rotated, firstOutput: index * panel + vector * lanes, group: group
      ) { input, taps in
        transformFilter(taps, kernel: shape.kernel, scratch + input * lanes, pointStride)
      }
    }
    for point in 0..<Winograd.points {
      let from = Input(scratch + point * pointStride)
      let scale = filterScale(from, groups * lanes, sumLimit: Int16Products.filterLimit)
      let bound = Int16Products.inputBound(point / 6) * Int16Products.inputBound(point % 6)
      let place = index * Winograd.points + point
      // The bound of the data is taken back here, too.
      store(Vector(repeating: bound) / scale, scales + place * panel + vector * lanes)
      storeFilters(
        from, pairs: groups * lanes / 2, scale,
        transformed + place * groups * lanes * panel + vector * 2 * lanes)
    }
  }

  /// Filters of one point, a vector an input, as pairs of inputs.
  @inline(__always)
  func storeFilters(
    _ from: Input, pairs count: Int, _ scale: Vector, _ to: UnsafeMutablePointer<Int16>
  ) {
    for pair in 0..<count {
      let (first, second) = (from + 2 * pair * lanes, from + (2 * pair + 1) * lanes)
      storePairs(
        pairs(toInt16(load(first), scale), toInt16(load(second), scale)), to + 2 * pair * panel)
    }
  }

  /// The largest scale with which neither a filter nor a sum of magnitudes leaves its range.
  @inline(__always)
  func filterScale(_ filters: Input, _ inputs: Int, sumLimit: Float) -> Vector {
    var largest = Vector.zero
    var largestSum = Vector.zero
    var input = 0
    while input < inputs {
      var sum = Vector.zero
      for i in input..<min(inputs, input + Int16Products.sumInputs) {
        let size = magnitude(load(filters + i * lanes))
        sum += size
        largest = larger(largest, size)
      }
      largestSum = larger(largestSum, sum)
      input += Int16Products.sumInputs
    }
    // Rounding may add a half to each. Filters of zeros have a scale as well.
    let total = sumLimit - Float(Int16Products.sumInputs) / 2
    let tiny = Vector(repeating: 1e-30)
    return smaller(
      Vector(repeating: total) / larger(largestSum, tiny),
      Vector(repeating: Int16Products.dataLimit) / larger(largest, tiny))
  }
}
