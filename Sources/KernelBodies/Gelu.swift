import CCPUFeatures
import KernelABI

// GELU with the exact normal distribution: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units".
//
// Φ(−u) = e^(−u²/2)·g(u) for u ≥ 0, where g falls slowly from ½ to 0. With t = 1/(1 + 0.35·u), g is t
// times a polynomial in t, fitted for the least relative error (3e-8). So Φ keeps its digits far out on
// the negative side, where ½·(1 + erf) has lost them, and the density needs no exponential of its own.

extension KernelSet {
  public func gelu(_ x: Input, count: Int, output: Output) {
    eachVector(count) { i, width in
      let x = loadFirst(width, x + i)
      storeFirst(width, x * normal(x).cumulative, output + i)
    }
  }

  public func geluBackward(_ x: Input, gradient: Input, count: Int, dx: Output) {
    eachVector(count) { i, width in
      let x = loadFirst(width, x + i)
      let (cumulative, density) = normal(x)
      let slope = multiplyAdd(x, density, cumulative)
      storeFirst(width, loadFirst(width, gradient + i) * slope, dx + i)
    }
  }

  public func planeGelu(
    _ plane: Values, pixels: Int, scale: Input, offset: Input, output: Output
  ) {
    switch plane.storage {
    case .float32:
      planeGelu(
        of: UnsafePointer(plane.floats), pixels: pixels, scale: scale, offset: offset,
        output: output)
    case .bfloat16:
      planeGelu(
        of: UnsafePointer(plane.bfloat16s), pixels: pixels, scale: scale, offset: offset,
        output: output)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeGelu<Element: Stored>(
    of plane: UnsafePointer<Element>, pixels: Int, scale: Input, offset: Input, output: Output
  ) {
    let a = load(scale)
    let b = load(offset)
    for i in 0..<pixels {
      let z = multiplyAdd(Element.load(plane + i * lanes), a, b)
      store(z * normal(z).cumulative, output + i * lanes)
    }
  }

  public func planeGeluBackward(
    _ plane: Values, gradient: Output, pixels: Int, scale: Input, offset: Input
  ) {
    switch plane.storage {
    case .float32:
      planeGeluBackward(
        of: UnsafePointer(plane.floats), gradient: gradient, pixels: pixels, scale: scale,
        offset: offset)
    case .bfloat16:
      planeGeluBackward(
        of: UnsafePointer(plane.bfloat16s), gradient: gradient, pixels: pixels, scale: scale,
        offset: offset)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func planeGeluBackward<Element: Stored>(
    of plane: UnsafePointer<Element>, gradient: Output, pixels: Int, scale: Input, offset: Input
  ) {
    let a = load(scale)
    let b = load(offset)
    for i in 0..<pixels {
      let z = multiplyAdd(Element.load(plane + i * lanes), a, b)
      let (cumulative, density) = normal(z)
      let place = gradient + i * lanes
      store(load(place) * multiplyAdd(z, density, cumulative), place)
    }
  }

  /// Calls `body` with the place of each vector, and how many of its lanes there are.
  @inline(__always)
  private func eachVector(_ count: Int, _ body: (_ place: Int, _ width: Int) -> Void) {
    var i = 0
    while i + lanes <= count {
      body(i, lanes)
      i += lanes
    }
    if i < count { body(i, count - i) }
  }

  @inline(__always)
  private func loadFirst(_ width: Int, _ p: Input) -> Vector {
    if width == lanes { return loadUnaligned(p) }
    var vector = Vector.zero
    for lane in 0..<width { vector[lane] = p[lane] }
    return vector
  }

  @inline(__always)
  private func storeFirst(_ width: Int, _ v: Vector, _ p: Output) {
    if width == lanes { return storeUnaligned(v, p) }
    for lane in 0..<width { p[lane] = v[lane] }
  }

  /// The standard normal distribution at x, and its density.
  @inline(__always)
  private func normal(_ x: Vector) -> (cumulative: Vector, density: Vector) {
    let one = Vector(repeating: 1)
    let u = positive(x) + positive(.zero - x)
    let t = one / multiplyAdd(Vector(repeating: 0.35), u, one)
    var g = Vector(repeating: -0.029146105)
    g = multiplyAdd(g, t, Vector(repeating: 0.14397252))
    g = multiplyAdd(g, t, Vector(repeating: -0.25571589))
    g = multiplyAdd(g, t, Vector(repeating: 0.15917593))
    g = multiplyAdd(g, t, Vector(repeating: -0.023110981))
    g = multiplyAdd(g, t, Vector(repeating: 0.10550845))
    g = multiplyAdd(g, t, Vector(repeating: 0.11983277))
    g = multiplyAdd(g, t, Vector(repeating: 0.13986188))
    g = multiplyAdd(g, t, Vector(repeating: 0.13962140))
    let bell = exponential(Vector(repeating: -0.5) * u * u)
    let tail = bell * (t * g)
    return (select(x .< .zero, tail, one - tail), bell * Vector(repeating: 0.3989423))
  }

  /// e^x for x ≤ 0; 0 below −87, near the smallest normal float. NaN stays.
  @inline(__always)
  private func exponential(_ x: Vector) -> Vector {
    let least = Vector(repeating: -87)
    let isZero = x .< least
    let x = select(isZero, least, x)
    // x = n·ln 2 + r. Adding 1.5·2²³ rounds to a whole number, which is then in the low bits.
    let shift = Vector(repeating: 12_582_912)
    let shifted = multiplyAdd(x, Vector(repeating: 1.442695), shift)
    let n = shifted - shift
    let r = multiplyAdd(
      n, Vector(repeating: 2.1219444e-4), multiplyAdd(n, Vector(repeating: -0.693359375), x))
    var p = Vector(repeating: 1 / 720)
    p = multiplyAdd(p, r, Vector(repeating: 1 / 120))
    p = multiplyAdd(p, r, Vector(repeating: 1 / 24))
    p = multiplyAdd(p, r, Vector(repeating: 1 / 6))
    p = multiplyAdd(p, r, Vector(repeating: 0.5))
    p = multiplyAdd(p, r, Vector(repeating: 1))
    p = multiplyAdd(p, r, Vector(repeating: 1))
    return select(isZero, .zero, cpu_scale_by_power(p, shifted))
  }
}
