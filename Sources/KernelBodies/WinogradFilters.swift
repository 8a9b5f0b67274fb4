import KernelABI

// Filters into and out of the transformed space. The six points are evaluated with
// G = (1, p, p²)/f(p), where f(p) is the product of the distances to the other finite points:
// f(0) = 1, f(±√½) = −3/2, f(±√2) = 6.

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
      ) { input, taps in transformFilter(taps, to + input * panel, pointStride) }
    }
  }

  /// Hands out the filters between each input of a group and a vector of outputs, (3, 3, lanes), a
  /// lane an output; those of channels that do not exist are zero.
  @inline(__always)
  func transformFilters(
    _ shape: ConvolutionShape, _ filters: Input, rotated: Bool, firstOutput first: Int, group: Int,
    _ body: (Int, Input) -> Void
  ) {
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    let outputs = rotated ? shape.inputChannels : shape.outputChannels
    let inputStride = rotated ? shape.inputChannels * 9 : 9
    let outputStride = rotated ? 9 : shape.inputChannels * 9
    let begin = group * lanes
    let end = min(inputs, begin + lanes)
    // (inputs of the group, 3, 3, lanes). All are gathered before the first is transformed: a vector
    // that has just been stored lane by lane is slow to load.
    withUnsafeTemporaryAllocation(byteCount: lanes * 9 * lanes * 4, alignment: 64) { bytes in
      let taps = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      let exist = min(lanes, max(0, outputs - first))
      if exist < lanes || end < begin + lanes {
        for i in 0..<(lanes * 9) { store(.zero, taps + i * lanes) }
      }
      for lane in 0..<exist {
        for input in begin..<end {
          let from = filters + (first + lane) * outputStride + input * inputStride
          let to = taps + (input - begin) * 9 * lanes + lane
          for tap in 0..<9 { to[tap * lanes] = from[rotated ? 8 - tap : tap] }
        }
      }
      for input in 0..<lanes { body(begin + input, Input(taps + input * 9 * lanes)) }
    }
  }

  /// G·g·Gᵀ of a vector of filters, (3, 3, lanes), to 36 points.
  @inline(__always)
  func transformFilter(_ g: Input, _ to: Output, _ pointStride: Int) {
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
    _ shape: ConvolutionShape, _ sums: Input, panelStride: Int, group: Int, to filters: Output
  ) {
    // From one tap and from one point to the next.
    let tap = lanes * panel
    let pointStride = Winograd.sumStride(lanes: lanes, panel: panel)
    // (3, 6, lanes)
    withUnsafeTemporaryAllocation(byteCount: 18 * lanes * 4, alignment: 64) { bytes in
      let columns = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for index in 0..<blocks(shape.outputChannels, of: panel) {
        let outputs = shape.outputChannels - index * panel
        for input in 0..<min(lanes, shape.inputChannels - group * lanes) {
          let from = sums + index * panelStride + input * panel
          let to = filters + index * 9 * tap + input * panel
          for first in stride(from: 0, to: min(panel, outputs), by: lanes) {
            // Along the columns: (6, 6) to (3, 6).
            for x in 0..<6 {
              let p = from + first + x * pointStride
              let three = interpolate(p, 6 * pointStride)
              store(three.0, columns + x * lanes)
              store(three.1, columns + (6 + x) * lanes)
              store(three.2, columns + (12 + x) * lanes)
            }
            for y in 0..<3 {
              let three = interpolate(columns + y * 6 * lanes, lanes)
              store(three.0, to + first + 3 * y * tap)
              store(three.1, to + first + (3 * y + 1) * tap)
              store(three.2, to + first + (3 * y + 2) * tap)
            }
          }
        }
      }
    }
  }

  /// Cᵀ·s of one column or row: Σ over the points of (1, p, p²)·s/f(p); ∞ adds to p² alone.
  @inline(__always)
  private func interpolate(_ p: Input, _ stride: Int) -> (Vector, Vector, Vector) {
    let (p1, p2) = (load(p + stride), load(p + 2 * stride))
    let (p3, p4) = (load(p + 3 * stride), load(p + 4 * stride))
    let (sumA, sumB, differenceA, differenceB) = (p1 + p2, p3 + p4, p1 - p2, p3 - p4)
    @inline(__always)
    func even(_ factorA: Float, _ factorB: Float, _ rest: Vector) -> Vector {
      multiplyAdd(
        sumA, Vector(repeating: factorA), multiplyAdd(sumB, Vector(repeating: factorB), rest))
    }
    return (
      even(scaleA, scaleB, load(p)),
      multiplyAdd(
        differenceA, Vector(repeating: a * scaleA),
        differenceB * Vector(repeating: b * scaleB)),
      even(0.5 * scaleA, 2 * scaleB, load(p + 5 * stride))
    )
  }
}
