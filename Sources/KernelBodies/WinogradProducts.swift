import KernelABI

/// A panel of channels: four vectors.
private let panel = 4 * lanes

/// A tile of accumulators: three rows of four vectors. With three broadcasts and one vector of the
/// factors they fill the sixteen registers.
private struct Accumulators {
  var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
  var b0 = Vector.zero, b1 = Vector.zero, b2 = Vector.zero, b3 = Vector.zero
  var c0 = Vector.zero, c1 = Vector.zero, c2 = Vector.zero, c3 = Vector.zero

  @inline(__always) init() {}

  /// Adds the products of `rows` values and one row of a panel.
  @inline(__always)
  mutating func add(_ rows: Int, _ x0: Input, _ x1: Input, _ x2: Input, _ w: Input) {
    let x = broadcast(x0)
    let y = rows > 1 ? broadcast(x1) : x
    let z = rows > 2 ? broadcast(x2) : x
    addVector(rows, x, y, z, load(w), &a0, &b0, &c0)
    addVector(rows, x, y, z, load(w + lanes), &a1, &b1, &c1)
    addVector(rows, x, y, z, load(w + 2 * lanes), &a2, &b2, &c2)
    addVector(rows, x, y, z, load(w + 3 * lanes), &a3, &b3, &c3)
  }

  @inline(__always)
  func write(_ rows: Int, _ to: Output) {
    writeRow(a0, a1, a2, a3, to)
    if rows > 1 { writeRow(b0, b1, b2, b3, to + panel) }
    if rows > 2 { writeRow(c0, c1, c2, c3, to + 2 * panel) }
  }

  @inline(__always)
  mutating func read(_ rows: Int, _ from: Output) {
    readRow(&a0, &a1, &a2, &a3, from)
    if rows > 1 { readRow(&b0, &b1, &b2, &b3, from + panel) }
    if rows > 2 { readRow(&c0, &c1, &c2, &c3, from + 2 * panel) }
  }

  @inline(__always)
  private func writeRow(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector, _ to: Output) {
    store(v0, to)
    store(v1, to + lanes)
    store(v2, to + 2 * lanes)
    store(v3, to + 3 * lanes)
  }

  @inline(__always)
  private func readRow(
    _ v0: inout Vector, _ v1: inout Vector, _ v2: inout Vector, _ v3: inout Vector, _ from: Output
  ) {
    v0 = load(from)
    v1 = load(from + lanes)
    v2 = load(from + 2 * lanes)
    v3 = load(from + 3 * lanes)
  }
}

/// One vector of factors times up to three broadcasts.
@inline(__always)
private func addVector(
  _ rows: Int, _ x: Vector, _ y: Vector, _ z: Vector, _ w: Vector,
  _ a: inout Vector, _ b: inout Vector, _ c: inout Vector
) {
  a = multiplyAdd(x, w, a)
  if rows > 1 { b = multiplyAdd(y, w, b) }
  if rows > 2 { c = multiplyAdd(z, w, c) }
}

extension KernelSet {
  public func winogradMultiply(
    _ transformed: Input, planeStride: Int, capacity: Int, groups: Int, count: Int,
    filters: Input, product: Output, productStride: Int
  ) {
    let inputs = groups * lanes
    for point in 0..<Winograd.points {
      let x = transformed + point * planeStride
      let w = filters + point * inputs * panel
      let to = product + point * productStride
      // Threes, and what is left in twos: a single row would leave the multipliers waiting.
      let threes = count % 3 == 1 && count > 1 ? count / 3 - 1 : count / 3
      var tile = 0
      while tile < threes * 3 {
        multiplyTiles(3, x + tile * lanes, capacity, groups, w, to + tile * panel)
        tile += 3
      }
      while tile + 2 <= count {
        multiplyTiles(2, x + tile * lanes, capacity, groups, w, to + tile * panel)
        tile += 2
      }
      if tile < count {
        multiplyTiles(1, x + tile * lanes, capacity, groups, w, to + tile * panel)
      }
    }
  }

  @inline(__always)
  private func multiplyTiles(
    _ rows: Int, _ x: Input, _ capacity: Int, _ groups: Int, _ filters: Input, _ to: Output
  ) {
    var sums = Accumulators()
    var w = filters
    var p = x
    for _ in 0..<groups {
      for lane in 0..<lanes {
        sums.add(rows, p + lane, p + lanes + lane, p + 2 * lanes + lane, w + lane * panel)
      }
      w += lanes * panel
      p += capacity * lanes
    }
    sums.write(rows, to)
  }

  public func winogradAccumulate(
    x: Input, groups: Int, dy: Input, panels: Int, capacity: Int, count: Int, sum: Output,
    accumulate: Bool
  ) {
    // So many tiles of both factors stay in the first-level cache.
    let block = 128
    for index in 0..<panels {
      let gradient = dy + index * capacity * panel
      var first = 0
      while first < count {
        let tiles = min(block, count - first)
        let adds = accumulate || first > 0
        for group in 0..<groups {
          let from = x + (group * capacity + first) * lanes
          let g = gradient + first * panel
          let to = sum + (index * groups + group) * lanes * panel
          // A group of eight channels is 3 + 3 + 2.
          accumulateTiles(3, from, g, tiles, to, adds)
          accumulateTiles(3, from + 3, g, tiles, to + 3 * panel, adds)
          accumulateTiles(2, from + 6, g, tiles, to + 6 * panel, adds)
        }
        first += tiles
      }
    }
  }

  @inline(__always)
  private func accumulateTiles(
    _ rows: Int, _ x: Input, _ dy: Input, _ count: Int, _ to: Output, _ adds: Bool
  ) {
    var sums = Accumulators()
    if adds { sums.read(rows, to) }
    var p = x
    var g = dy
    for _ in 0..<count {
      sums.add(rows, p, p + 1, p + 2, g)
      p += lanes
      g += panel
    }
    sums.write(rows, to)
  }
}
