import KernelABI

// Batch normalisation, ReLU and 2×2 max-pooling over one plane. Each forward kernel is followed by
// what carries the gradient back.

extension KernelSet {
  public func planeSum(_ plane: Input, pixels: Int, sum: Output) {
    store(planeTotal(plane, pixels: pixels), sum)
  }

  /// The sum over a plane, in two chains: an addition need not wait for the one before.
  @inline(__always)
  func planeTotal(_ plane: Input, pixels: Int) -> Vector {
    var (s0, s1) = (Vector.zero, Vector.zero)
    var i = 0
    while i + 2 <= pixels {
      s0 += load(plane + i * lanes)
      s1 += load(plane + (i + 1) * lanes)
      i += 2
    }
    if i < pixels { s0 += load(plane + i * lanes) }
    return s0 + s1
  }

  public func planeMoments(
    _ plane: Values, pixels: Int, shift: Output, sum: Output, squares: Output
  ) {
    switch plane.storage {
    case .float32:
      planeMoments(
        of: UnsafePointer(plane.floats), pixels: pixels, shift: shift, sum: sum, squares: squares)
    case .bfloat16:
      planeMoments(
        of: UnsafePointer(plane.bfloat16s), pixels: pixels, shift: shift, sum: sum, squares: squares
      )
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeMoments<Element: Stored>(
    of plane: UnsafePointer<Element>, pixels: Int, shift: Output, sum: Output, squares: Output
  ) {
    let k = fourPixelMean(plane, pixels)
    store(k, shift)
    var (s0, s1, q0, q1) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
    var i = 0
    while i + 2 <= pixels {
      let d0 = Element.load(plane + i * lanes) - k
      let d1 = Element.load(plane + (i + 1) * lanes) - k
      s0 += d0
      s1 += d1
      q0 = multiplyAdd(d0, d0, q0)
      q1 = multiplyAdd(d1, d1, q1)
      i += 2
    }
    if i < pixels {
      let d = Element.load(plane + i * lanes) - k
      s0 += d
      q0 = multiplyAdd(d, d, q0)
    }
    store(s0 + s1, sum)
    store(q0 + q1, squares)
  }

  /// The mean of pixels 1/9, 3/9, 5/9 and 7/9 of the way through a plane: with the usual sizes none
  /// of them lies on the edge, where the zeros around an image make a convolution's outputs others.
  @inline(__always)
  private func fourPixelMean<Element: Stored>(
    _ plane: UnsafePointer<Element>, _ pixels: Int
  ) -> Vector {
    let upper = Element.load(plane + pixels / 9 * lanes) + Element.load(plane + pixels / 3 * lanes)
    let lower =
      Element.load(plane + pixels * 5 / 9 * lanes) + Element.load(plane + pixels * 7 / 9 * lanes)
    return (upper + lower) * Vector(repeating: 0.25)
  }

  public func planeForward(
    _ plane: Values, pixels: Int, scale: Input, offset: Input, relu: Bool, output: Output
  ) {
    switch plane.storage {
    case .float32:
      planeForward(
        of: UnsafePointer(plane.floats), pixels: pixels, scale: scale, offset: offset, relu: relu,
        output: output)
    case .bfloat16:
      planeForward(
        of: UnsafePointer(plane.bfloat16s), pixels: pixels, scale: scale, offset: offset,
        relu: relu,
        output: output)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeForward<Element: Stored>(
    of plane: UnsafePointer<Element>, pixels: Int, scale: Input, offset: Input, relu: Bool,
    output: Output
  ) {
    let a = load(scale)
    let b = load(offset)
    for i in 0..<pixels {
      let z = multiplyAdd(Element.load(plane + i * lanes), a, b)
      store(relu ? positive(z) : z, output + i * lanes)
    }
  }

  public func planeBackwardMoments(
    _ plane: Values, gradient: Input, pixels: Int, scale: Input, offset: Input, relu: Bool,
    mean: Input, sum: Output, products: Output
  ) {
    switch plane.storage {
    case .float32:
      planeBackwardMoments(
        of: UnsafePointer(plane.floats), gradient: gradient, pixels: pixels, scale: scale,
        offset: offset, relu: relu, mean: mean, sum: sum, products: products)
    case .bfloat16:
      planeBackwardMoments(
        of: UnsafePointer(plane.bfloat16s), gradient: gradient, pixels: pixels, scale: scale,
        offset: offset, relu: relu, mean: mean, sum: sum, products: products)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeBackwardMoments<Element: Stored>(
    of plane: UnsafePointer<Element>, gradient: Input, pixels: Int, scale: Input, offset: Input,
    relu: Bool,
    mean: Input, sum: Output, products: Output
  ) {
    let a = load(scale)
    let b = load(offset)
    let m = load(mean)
    var (s0, s1, p0, p1) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
    var i = 0
    while i + 2 <= pixels {
      let x0 = Element.load(plane + i * lanes)
      let x1 = Element.load(plane + (i + 1) * lanes)
      let d0 = passed(load(gradient + i * lanes), x0, a, b, relu)
      let d1 = passed(load(gradient + (i + 1) * lanes), x1, a, b, relu)
      s0 += d0
      s1 += d1
      p0 = multiplyAdd(d0, x0 - m, p0)
      p1 = multiplyAdd(d1, x1 - m, p1)
      i += 2
    }
    if i < pixels {
      let x = Element.load(plane + i * lanes)
      let d = passed(load(gradient + i * lanes), x, a, b, relu)
      s0 += d
      p0 = multiplyAdd(d, x - m, p0)
    }
    store(s0 + s1, sum)
    store(p0 + p1, products)
  }

  public func planeBackward(
    _ plane: Values, gradient: Input, pixels: Int, scale: Input, offset: Input, relu: Bool,
    slope: Input, constant: Input, dx: Output
  ) {
    switch plane.storage {
    case .float32:
      planeBackward(
        of: UnsafePointer(plane.floats), gradient: gradient, pixels: pixels, scale: scale,
        offset: offset, relu: relu, slope: slope, constant: constant, dx: dx)
    case .bfloat16:
      planeBackward(
        of: UnsafePointer(plane.bfloat16s), gradient: gradient, pixels: pixels, scale: scale,
        offset: offset, relu: relu, slope: slope, constant: constant, dx: dx)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeBackward<Element: Stored>(
    of plane: UnsafePointer<Element>, gradient: Input, pixels: Int, scale: Input, offset: Input,
    relu: Bool,
    slope: Input, constant: Input, dx: Output
  ) {
    let a = load(scale)
    let b = load(offset)
    let k = load(slope)
    let c = load(constant)
    for i in 0..<pixels {
      let x = Element.load(plane + i * lanes)
      let d = passed(load(gradient + i * lanes), x, a, b, relu)
      store(multiplyAdd(a, d, multiplyAdd(k, x, c)), dx + i * lanes)
    }
  }

  /// The gradient where z = a·x + b let it through.
  @inline(__always)
  private func passed(
    _ gradient: Vector, _ x: Vector, _ a: Vector, _ b: Vector, _ relu: Bool
  ) -> Vector {
    relu ? select(multiplyAdd(x, a, b) .> .zero, gradient, .zero) : gradient
  }
}

// MARK: - Followed by a pool

/// `choice` of an output whose gradient goes nowhere.
private let nowhere: UInt32 = 255

/// One of the four values of a square, before and after normalisation.
private struct Candidate {
  var x: Vector
  var z: Vector

  @inline(__always)
  init(_ x: Vector, _ scale: Vector, _ offset: Vector) {
    self.x = x
    z = multiplyAdd(x, scale, offset)
  }

  /// Takes the other's values where that is larger, and notes its position.
  @inline(__always)
  mutating func yield(
    to other: Candidate, _ position: UInt32, _ index: inout IntegerVector
  ) {
    let larger = other.z .> z
    x = select(larger, other.x, x)
    z = select(larger, other.z, z)
    index = select(larger, all(position), index)
  }
}

extension KernelSet {
  public func planeForwardPool(
    _ plane: Values, height: Int, width: Int, scale: Input, offset: Input, relu: Bool,
    output: Output, choice: UnsafeMutablePointer<UInt8>, chosen: Output?
  ) {
    switch plane.storage {
    case .float32:
      planeForwardPool(
        of: UnsafePointer(plane.floats), height: height, width: width, scale: scale, offset: offset,
        relu: relu, output: output, choice: choice, chosen: chosen)
    case .bfloat16:
      planeForwardPool(
        of: UnsafePointer(plane.bfloat16s), height: height, width: width, scale: scale,
        offset: offset,
        relu: relu, output: output, choice: choice, chosen: chosen)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeForwardPool<Element: Stored>(
    of plane: UnsafePointer<Element>, height: Int, width: Int, scale: Input, offset: Input,
    relu: Bool,
    output: Output, choice: UnsafeMutablePointer<UInt8>, chosen: Output?
  ) {
    let a = load(scale)
    let b = load(offset)
    var to = 0
    for y in 0..<(height / 2) {
      for x in 0..<(width / 2) {
        let p = plane + (2 * y * width + 2 * x) * lanes
        var best = Candidate(Element.load(p), a, b)
        var index = IntegerVector.zero
        best.yield(to: Candidate(Element.load(p + lanes), a, b), 1, &index)
        best.yield(to: Candidate(Element.load(p + width * lanes), a, b), 2, &index)
        best.yield(to: Candidate(Element.load(p + (width + 1) * lanes), a, b), 3, &index)
        if let chosen { store(best.x, chosen + to) }
        if relu {
          let dead = best.z .<= .zero  // not NaN, which stays
          best.z = select(dead, .zero, best.z)
          index = select(dead, all(nowhere), index)
        }
        store(best.z, output + to)
        storeBytes(index, choice + to)
        to += lanes
      }
    }
  }

  public func planeBackwardPoolMoments(
    _ chosen: Input, gradient: Input, choice: UnsafePointer<UInt8>, pixels: Int, mean: Input,
    sum: Output, products: Output
  ) {
    let m = load(mean)
    var (s, q) = (Vector.zero, Vector.zero)
    for i in 0..<pixels {
      let lost = loadBytes(choice + i * lanes) .== all(nowhere)
      let d = select(lost, .zero, load(gradient + i * lanes))
      s += d
      q = multiplyAdd(d, load(chosen + i * lanes) - m, q)
    }
    store(s, sum)
    store(q, products)
  }

  public func planeBackwardPool(
    _ plane: Values, gradient: Input, choice: UnsafePointer<UInt8>, height: Int, width: Int,
    scale: Input, slope: Input, constant: Input, dx: Output
  ) {
    switch plane.storage {
    case .float32:
      planeBackwardPool(
        of: UnsafePointer(plane.floats), gradient: gradient, choice: choice, height: height,
        width: width, scale: scale, slope: slope, constant: constant, dx: dx)
    case .bfloat16:
      planeBackwardPool(
        of: UnsafePointer(plane.bfloat16s), gradient: gradient, choice: choice, height: height,
        width: width, scale: scale, slope: slope, constant: constant, dx: dx)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeBackwardPool<Element: Stored>(
    of plane: UnsafePointer<Element>, gradient: Input, choice: UnsafePointer<UInt8>, height: Int,
    width: Int,
    scale: Input, slope: Input, constant: Input, dx: Output
  ) {
    let a = load(scale)
    let k = load(slope)
    let c = load(constant)
    // A row or a column left over by an odd size got no gradient from the pool.
    if height % 2 == 1 || width % 2 == 1 {
      for i in 0..<(height * width) {
        store(multiplyAdd(k, Element.load(plane + i * lanes), c), dx + i * lanes)
      }
    }
    var from = 0
    for y in 0..<(height / 2) {
      for x in 0..<(width / 2) {
        let corner = (2 * y * width + 2 * x) * lanes
        let index = loadBytes(choice + from)
        let d = a * load(gradient + from)
        for position in 0..<4 {
          let at = corner + (position / 2 * width + position % 2) * lanes
          let part = select(index .== all(UInt32(position)), d, .zero)
          store(multiplyAdd(k, Element.load(plane + at), c) + part, dx + at)
        }
        from += lanes
      }
    }
  }
}
