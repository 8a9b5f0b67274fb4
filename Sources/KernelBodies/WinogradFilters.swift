import KernelABI

// Filters into and out of the transformed space. The six points are evaluated with
// G = (1, p, p²)/f(p), or up to p⁴ for filters of 5×5, where f(p) is the product of the distances to
// the other finite points: f(0) = 1, f(±√½) = −3/2, f(±√2) = 6.

private let a: Float = 0.707106781  // √½
private let b: Float = 1.414213562  // √2
private let scaleA: Float = -2 / 3
private let scaleB: Float = 1 / 6

extension KernelSet {
  public func winogradFilters(
    _ shape: ConvolutionShape, _ filters: Input, to transformed: Output, rotated: Bool,
    panel index: Int, group: Int
  ) {
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    // Rows of the transformed filters: whole groups, the missing inputs zero.
    let pointStride = blocks(inputs, of: lanes) * lanes * panel
    for vector in 0..<panelVectors {
      let to = transformed + index * Winograd.points * pointStride + vector * lanes
      transformFilters(
        shape, filters, rotated: rotated, firstOutput: index * panel + vector * lanes, group: group
      ) { input, taps in
        transformFilter(taps, kernel: shape.kernel, to + input * panel, pointStride)
      }
    }
  }

  /// Hands out the filters between each input of a group and a vector of outputs, (k, k, lanes), a
  /// lane an output; those of channels that do not exist are zero.
  @inline(__always)
  func transformFilters(
    _ shape: ConvolutionShape, _ filters: Input, rotated: Bool, firstOutput first: Int, group: Int,
    _ body: (Int, Input) -> Void
  ) {
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    let outputs = rotated ? shape.inputChannels : shape.outputChannels
    let count = shape.kernel * shape.kernel
    let inputStride = rotated ? shape.inputChannels * count : count
    let outputStride = rotated ? count : shape.inputChannels * count
    let begin = group * lanes
    let end = min(inputs, begin + lanes)
    // (inputs of the group, k, k, lanes). All are gathered before the first is transformed: a vector
    // that has just been stored lane by lane is slow to load.
    withUnsafeTemporaryAllocation(byteCount: lanes * count * lanes * 4, alignment: 64) { bytes in
      let taps = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      let exist = min(lanes, max(0, outputs - first))
      if exist < lanes || end < begin + lanes {
        for i in 0..<(lanes * count) { store(.zero, taps + i * lanes) }
      }
      @inline(__always)
      func gather(_ count: Int) {
        for lane in 0..<exist {
          for input in begin..<end {
            let from = filters + (first + lane) * outputStride + input * inputStride
            let to = taps + (input - begin) * count * lanes + lane
            for tap in 0..<count { to[tap * lanes] = from[rotated ? count - 1 - tap : tap] }
          }
        }
      }
      // Each a loop of its own, unrolled.
      if count == 9 { gather(9) } else { gather(25) }
      for input in 0..<lanes { body(begin + input, Input(taps + input * count * lanes)) }
    }
  }

  /// G·g·Gᵀ of a vector of filters, (k, k, lanes), to 36 points.
  @inline(__always)
  func transformFilter(_ g: Input, kernel: Int, _ to: Output, _ pointStride: Int) {
    if kernel == 3 {
      transformFilterOfThree(g, to, pointStride)
    } else {
      transformFilterOfFive(g, to, pointStride)
    }
  }

  @inline(never)
  private func transformFilterOfFive(_ g: Input, _ to: Output, _ pointStride: Int) {
    // G·g, (6, 5, lanes)
    withUnsafeTemporaryAllocation(byteCount: 30 * lanes * 4, alignment: 64) { bytes in
      let rows = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for x in 0..<5 {
        spread(evaluateFive(g + x * lanes, 5 * lanes), rows + x * lanes, 5 * lanes)
      }
      for y in 0..<6 {
        spread(
          evaluateFive(rows + y * 5 * lanes, lanes), to + y * 6 * pointStride, pointStride)
      }
    }
  }

  /// G·g of five numbers that lie `stride` apart.
  @inline(__always)
  private func evaluateFive(_ g: Input, _ stride: Int) -> Six {
    let (g0, g1, g2) = (load(g), load(g + stride), load(g + 2 * stride))
    let (g3, g4) = (load(g + 3 * stride), load(g + 4 * stride))
    @inline(__always)
    func both(_ point: Float, _ square: Float, _ scale: Float) -> (Vector, Vector) {
      let squares = Vector(repeating: square)
      let even = multiplyAdd(multiplyAdd(g4, squares, g2), squares, g0) * Vector(repeating: scale)
      let odd = multiplyAdd(g3, squares, g1) * Vector(repeating: point * scale)
      return (even + odd, even - odd)
    }
    let (plusA, minusA) = both(a, 0.5, scaleA)
    let (plusB, minusB) = both(b, 2, scaleB)
    return (g0, plusA, minusA, plusB, minusB, g4)
  }

  @inline(__always)
  private func transformFilterOfThree(_ g: Input, _ to: Output, _ pointStride: Int) {
    @inline(__always)
    func column(_ x: Int) -> Six {
      evaluate(load(g + x * lanes), load(g + (3 + x) * lanes), load(g + (6 + x) * lanes))
    }
    let (left, middle, right) = (column(0), column(1), column(2))
    @inline(__always)
    func row(_ y: Int, _ g0: Vector, _ g1: Vector, _ g2: Vector) {
      spread(evaluate(g0, g1, g2), to + y * 6 * pointStride, pointStride)
    }
    row(0, left.0, middle.0, right.0)
    row(1, left.1, middle.1, right.1)
    row(2, left.2, middle.2, right.2)
    row(3, left.3, middle.3, right.3)
    row(4, left.4, middle.4, right.4)
    row(5, left.5, middle.5, right.5)
  }

  /// G·g of one column or row of a filter.
  @inline(__always)
  private func evaluate(_ g0: Vector, _ g1: Vector, _ g2: Vector) -> Six {
    let evenA = multiplyAdd(g2, Vector(repeating: 0.5), g0) * Vector(repeating: scaleA)
    let evenB = multiplyAdd(g2, Vector(repeating: 2), g0) * Vector(repeating: scaleB)
    let oddA = g1 * Vector(repeating: a * scaleA)
    let oddB = g1 * Vector(repeating: b * scaleB)
    return (g0, evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, g2)
  }

  @inline(__always)
  private func spread(_ six: Six, _ to: Output, _ stride: Int) {
    store(six.0, to)
    store(six.1, to + stride)
    store(six.2, to + 2 * stride)
    store(six.3, to + 3 * stride)
    store(six.4, to + 4 * stride)
    store(six.5, to + 5 * stride)
  }

  public func winogradFilterGradient(
    _ shape: ConvolutionShape, _ sums: Input, panelStride: Int, group: Int, to filters: Output,
    accumulate: Bool
  ) {
    switch (shape.kernel, accumulate) {
    case (3, false): transformSums(3, false, shape, sums, panelStride, group, to: filters)
    case (3, true): transformSums(3, true, shape, sums, panelStride, group, to: filters)
    default: transformSums(5, accumulate, shape, sums, panelStride, group, to: filters)
    }
  }

  @inline(__always)
  private func transformSums(
    _ kernel: Int, _ accumulate: Bool, _ shape: ConvolutionShape, _ sums: Input,
    _ panelStride: Int, _ group: Int, to filters: Output
  ) {
    // From one tap and from one point to the next.
    let tap = lanes * panel
    let pointStride = Winograd.sumStride(lanes: lanes, panel: panel)
    // (k, 6, lanes)
    withUnsafeTemporaryAllocation(byteCount: kernel * 6 * lanes * 4, alignment: 64) { bytes in
      let columns = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for index in 0..<blocks(shape.outputChannels, of: panel) {
        let outputs = shape.outputChannels - index * panel
        for input in 0..<min(lanes, shape.inputChannels - group * lanes) {
          let from = sums + index * panelStride + input * panel
          let to = filters + index * kernel * kernel * tap + input * panel
          for first in stride(from: 0, to: min(panel, outputs), by: lanes) {
            // Along the columns: (6, 6) to (k, 6).
            for x in 0..<6 {
              interpolate(
                from + first + x * pointStride, 6 * pointStride, kernel, false,
                to: columns + x * lanes, 6 * lanes)
            }
            for y in 0..<kernel {
              interpolate(
                columns + y * 6 * lanes, lanes, kernel, accumulate,
                to: to + first + kernel * y * tap, tap)
            }
          }
        }
      }
    }
  }

  /// Cᵀ·s of one column or row: Σ over the points of (1, p, p²)·s/f(p), or up to p⁴; ∞ adds to the
  /// highest power alone.
  @inline(__always)
  private func interpolate(
    _ p: Input, _ stride: Int, _ kernel: Int, _ accumulate: Bool, to: Output, _ tapStride: Int
  ) {
    @inline(__always)
    func put(_ v: Vector, _ tap: Int) {
      let place = to + tap * tapStride
      store(accumulate ? load(place) + v : v, place)
    }
    let (p1, p2) = (load(p + stride), load(p + 2 * stride))
    let (p3, p4) = (load(p + 3 * stride), load(p + 4 * stride))
    let (sumA, sumB, differenceA, differenceB) = (p1 + p2, p3 + p4, p1 - p2, p3 - p4)
    @inline(__always)
    func even(_ factorA: Float, _ factorB: Float, _ rest: Vector) -> Vector {
      multiplyAdd(
        sumA, Vector(repeating: factorA), multiplyAdd(sumB, Vector(repeating: factorB), rest))
    }
    @inline(__always)
    func odd(_ factorA: Float, _ factorB: Float) -> Vector {
      multiplyAdd(
        differenceA, Vector(repeating: factorA), differenceB * Vector(repeating: factorB))
    }
    let last = load(p + 5 * stride)
    put(even(scaleA, scaleB, load(p)), 0)
    put(odd(a * scaleA, b * scaleB), 1)
    put(even(0.5 * scaleA, 2 * scaleB, kernel == 3 ? last : .zero), 2)
    if kernel == 3 { return }
    put(odd(0.5 * a * scaleA, 2 * b * scaleB), 3)
    put(even(0.25 * scaleA, 4 * scaleB, last), 4)
  }
}
