/// A tile of sums: rows by one panel, twelve vectors in all, so that the latency of the multiply-add
/// units is covered. With sixteen registers that leaves room for three broadcasts and one vector of
/// factors.
struct Accumulators {
  /// Rows of a full tile.
  static let rows = 12 / panelVectors

  private var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
  private var b0 = Vector.zero, b1 = Vector.zero, b2 = Vector.zero, b3 = Vector.zero
  private var c0 = Vector.zero, c1 = Vector.zero, c2 = Vector.zero, c3 = Vector.zero

  @inline(__always) init() {}

  /// Adds the products of `rows` values, `step` apart, and one row of a panel.
  @inline(__always)
  mutating func add(_ rows: Int, _ x: Input, _ step: Int, _ w: Input) {
    if panelVectors == 4 {
      let x0 = broadcast(x)
      let x1 = rows > 1 ? broadcast(x + step) : x0
      let x2 = rows > 2 ? broadcast(x + 2 * step) : x0
      addVector(rows, x0, x1, x2, load(w), &a0, &b0, &c0)
      addVector(rows, x0, x1, x2, load(w + lanes), &a1, &b1, &c1)
      addVector(rows, x0, x1, x2, load(w + 2 * lanes), &a2, &b2, &c2)
      addVector(rows, x0, x1, x2, load(w + 3 * lanes), &a3, &b3, &c3)
    } else {
      let w0 = load(w)
      let w1 = load(w + lanes)
      addRow(broadcast(x), w0, w1, &a0, &a1)
      if rows > 1 { addRow(broadcast(x + step), w0, w1, &a2, &a3) }
      if rows > 2 { addRow(broadcast(x + 2 * step), w0, w1, &b0, &b1) }
      if rows > 3 { addRow(broadcast(x + 3 * step), w0, w1, &b2, &b3) }
      if rows > 4 { addRow(broadcast(x + 4 * step), w0, w1, &c0, &c1) }
      if rows > 5 { addRow(broadcast(x + 5 * step), w0, w1, &c2, &c3) }
    }
  }

  /// One vector of factors times up to three broadcasts.
  @inline(__always)
  private func addVector(
    _ rows: Int, _ x0: Vector, _ x1: Vector, _ x2: Vector, _ w: Vector,
    _ a: inout Vector, _ b: inout Vector, _ c: inout Vector
  ) {
    a = multiplyAdd(x0, w, a)
    if rows > 1 { b = multiplyAdd(x1, w, b) }
    if rows > 2 { c = multiplyAdd(x2, w, c) }
  }

  /// One broadcast times two vectors of factors.
  @inline(__always)
  private func addRow(
    _ x: Vector, _ w0: Vector, _ w1: Vector, _ first: inout Vector, _ second: inout Vector
  ) {
    first = multiplyAdd(x, w0, first)
    second = multiplyAdd(x, w1, second)
  }

  /// Stores `rows` rows of a panel.
  @inline(__always)
  func write(_ rows: Int, _ to: Output) {
    let vectors = rows * panelVectors
    store(a0, to)
    store(a1, to + lanes)
    if vectors > 2 { store(a2, to + 2 * lanes) }
    if vectors > 3 { store(a3, to + 3 * lanes) }
    if vectors > 4 { store(b0, to + 4 * lanes) }
    if vectors > 5 { store(b1, to + 5 * lanes) }
    if vectors > 6 { store(b2, to + 6 * lanes) }
    if vectors > 7 { store(b3, to + 7 * lanes) }
    if vectors > 8 { store(c0, to + 8 * lanes) }
    if vectors > 9 { store(c1, to + 9 * lanes) }
    if vectors > 10 { store(c2, to + 10 * lanes) }
    if vectors > 11 { store(c3, to + 11 * lanes) }
  }

  /// Takes up sums that were written before.
  @inline(__always)
  mutating func read(_ rows: Int, _ from: Output) {
    let vectors = rows * panelVectors
    a0 = load(from)
    a1 = load(from + lanes)
    if vectors > 2 { a2 = load(from + 2 * lanes) }
    if vectors > 3 { a3 = load(from + 3 * lanes) }
    if vectors > 4 { b0 = load(from + 4 * lanes) }
    if vectors > 5 { b1 = load(from + 5 * lanes) }
    if vectors > 6 { b2 = load(from + 6 * lanes) }
    if vectors > 7 { b3 = load(from + 7 * lanes) }
    if vectors > 8 { c0 = load(from + 8 * lanes) }
    if vectors > 9 { c1 = load(from + 9 * lanes) }
    if vectors > 10 { c2 = load(from + 10 * lanes) }
    if vectors > 11 { c3 = load(from + 11 * lanes) }
  }
}
