import KernelABI

// Batch normalisation, ReLU and 2×2 max-pooling over one plane. Each forward kernel is followed by
// what carries the gradient back.

extension KernelSet {
  public func planeMoments(
    _ plane: Input, pixels: Int, shift: Input, sum: Output, squares: Output
  ) {
    let k = load(shift)
    var (s0, s1, q0, q1) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
    var i = 0
    while i + 2 <= pixels {
      let d0 = load(plane + i * lanes) - k
      let d1 = load(plane + (i + 1) * lanes) - k
      s0 += d0
      s1 += d1
      q0 = multiplyAdd(d0, d0, q0)
      q1 = multiplyAdd(d1, d1, q1)
      i += 2
    }
    if i < pixels {
      let d = load(plane + i * lanes) - k
      s0 += d
      q0 = multiplyAdd(d, d, q0)
    }
    store(s0 + s1, sum)
    store(q0 + q1, squares)
  }

  public func planeForward(
    _ plane: Input, pixels: Int, scale: Input, offset: Input, relu: Bool, output: Output
  ) {
    let a = load(scale)
    let b = load(offset)
    for i in 0..<pixels {
      let z = multiplyAdd(load(plane + i * lanes), a, b)
      store(relu ? positive(z) : z, output + i * lanes)
    }
  }

  public func planeBackwardMoments(
    _ plane: Input, gradient: Input, pixels: Int, scale: Input, offset: Input, relu: Bool,
    mean: Input, sum: Output, products: Output
  ) {
    let a = load(scale)
    let b = load(offset)
    let m = load(mean)
    var (s0, s1, p0, p1) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
    var i = 0
    while i + 2 <= pixels {
      let x0 = load(plane + i * lanes)
      let x1 = load(plane + (i + 1) * lanes)
      let d0 = passed(load(gradient + i * lanes), x0, a, b, relu)
      let d1 = passed(load(gradient + (i + 1) * lanes), x1, a, b, relu)
      s0 += d0
      s1 += d1
      p0 = multiplyAdd(d0, x0 - m, p0)
      p1 = multiplyAdd(d1, x1 - m, p1)
      i += 2
    }
    if i < pixels {
      let x = load(plane + i * lanes)
      let d = passed(load(gradient + i * lanes), x, a, b, relu)
      s0 += d
      p0 = multiplyAdd(d, x - m, p0)
    }
    store(s0 + s1, sum)
    store(p0 + p1, products)
  }

  public func planeBackward(
    _ plane: Input, gradient: Input, pixels: Int, scale: Input, offset: Input, relu: Bool,
    slope: Input, constant: Input, dx: Output
  ) {
    let a = load(scale)
    let b = load(offset)
    let k = load(slope)
    let c = load(constant)
    for i in 0..<pixels {
      let x = load(plane + i * lanes)
      let d = passed(load(gradient + i * lanes), x, a, b, relu)
      store(multiplyAdd(a, d, multiplyAdd(k, x, c)), dx + i * lanes)
    }
  }

  /// The gradient where z = a·x + b let it through.
  @inline(__always)
  private func passed(
    _ gradient: Vector, _ x: Vector, _ a: Vector, _ b: Vector, _ relu: Bool
  ) -> Vector {
    relu ? gradient.replacing(with: 0, where: .!(multiplyAdd(x, a, b) .> 0)) : gradient
  }
}

// MARK: - With a pool behind

/// `choice` of an output whose gradient goes nowhere.
private let nowhere: UInt32 = 255

extension KernelSet {
  public func planeForwardPool(
    _ plane: Input, height: Int, width: Int, scale: Input, offset: Input, relu: Bool,
    output: Output, choice: UnsafeMutablePointer<UInt8>
  ) {
    let a = load(scale)
    let b = load(offset)
    var to = 0
    for y in 0..<(height / 2) {
      for x in 0..<(width / 2) {
        let p = plane + (2 * y * width + 2 * x) * lanes
        var best = multiplyAdd(load(p), a, b)
        var index = IntegerVector.zero
        keepLarger(multiplyAdd(load(p + lanes), a, b), 1, &best, &index)
        keepLarger(multiplyAdd(load(p + width * lanes), a, b), 2, &best, &index)
        keepLarger(multiplyAdd(load(p + (width + 1) * lanes), a, b), 3, &best, &index)
        if relu {
          let dead = best .<= 0  // not NaN, which stays
          best.replace(with: 0, where: dead)
          index.replace(with: all(nowhere), where: dead)
        }
        store(best, output + to)
        storeBytes(index, choice + to)
        to += lanes
      }
    }
  }

  @inline(__always)
  private func keepLarger(
    _ z: Vector, _ position: UInt32, _ best: inout Vector, _ index: inout IntegerVector
  ) {
    let larger = z .> best
    best.replace(with: z, where: larger)
    index.replace(with: all(position), where: larger)
  }

  public func planeBackwardPoolMoments(
    _ plane: Input, gradient: Input, choice: UnsafePointer<UInt8>, height: Int, width: Int,
    mean: Input, sum: Output, products: Output
  ) {
    let m = load(mean)
    var (s, q) = (Vector.zero, Vector.zero)
    var from = 0
    for y in 0..<(height / 2) {
      for x in 0..<(width / 2) {
        let p = plane + (2 * y * width + 2 * x) * lanes
        let index = loadBytes(choice + from)
        var chosen = load(p)
        chosen.replace(with: load(p + lanes), where: index .== all(1))
        chosen.replace(with: load(p + width * lanes), where: index .== all(2))
        chosen.replace(with: load(p + (width + 1) * lanes), where: index .== all(3))
        let d = load(gradient + from).replacing(with: 0, where: index .== all(nowhere))
        s += d
        q = multiplyAdd(d, chosen - m, q)
        from += lanes
      }
    }
    store(s, sum)
    store(q, products)
  }

  public func planeBackwardPool(
    _ plane: Input, gradient: Input, choice: UnsafePointer<UInt8>, height: Int, width: Int,
    scale: Input, slope: Input, constant: Input, dx: Output
  ) {
    let a = load(scale)
    let k = load(slope)
    let c = load(constant)
    // A row or a column left over by an odd size got no gradient from the pool.
    if height % 2 == 1 || width % 2 == 1 {
      for i in 0..<(height * width) {
        store(multiplyAdd(k, load(plane + i * lanes), c), dx + i * lanes)
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
          let part = d.replacing(
            with: 0, where: index .!= all(UInt32(position)))
          store(multiplyAdd(k, load(plane + at), c) + part, dx + at)
        }
        from += lanes
      }
    }
  }
}
