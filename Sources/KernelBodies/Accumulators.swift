/// A tile of sums: up to six rows by one panel, twelve vectors, so that the latency of the
/// multiply-add units is covered.
struct Accumulators {
  /// Rows of a full tile.
  static let rows = 6

  private var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
  private var b0 = Vector.zero, b1 = Vector.zero, b2 = Vector.zero, b3 = Vector.zero
  private var c0 = Vector.zero, c1 = Vector.zero, c2 = Vector.zero, c3 = Vector.zero

  @inline(__always) init() {}

  /// Adds the products of `rows` values, `step` apart, and one row of a panel.
  @inline(__always)
  mutating func add(_ rows: Int, _ x: Input, _ step: Int, _ w: Input) {
    let w0 = load(w)
    let w1 = load(w + lanes)
    addRow(broadcast(x), w0, w1, &a0, &a1)
    if rows > 1 { addRow(broadcast(x + step), w0, w1, &a2, &a3) }
    if rows > 2 { addRow(broadcast(x + 2 * step), w0, w1, &b0, &b1) }
    if rows > 3 { addRow(broadcast(x + 3 * step), w0, w1, &b2, &b3) }
    if rows > 4 { addRow(broadcast(x + 4 * step), w0, w1, &c0, &c1) }
    if rows > 5 { addRow(broadcast(x + 5 * step), w0, w1, &c2, &c3) }
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
    store(a0, to)
    store(a1, to + lanes)
    if rows > 1 { store(a2, to + 2 * lanes) }
    if rows > 1 { store(a3, to + 3 * lanes) }
    if rows > 2 { store(b0, to + 4 * lanes) }
    if rows > 2 { store(b1, to + 5 * lanes) }
    if rows > 3 { store(b2, to + 6 * lanes) }
    if rows > 3 { store(b3, to + 7 * lanes) }
    if rows > 4 { store(c0, to + 8 * lanes) }
    if rows > 4 { store(c1, to + 9 * lanes) }
    if rows > 5 { store(c2, to + 10 * lanes) }
    if rows > 5 { store(c3, to + 11 * lanes) }
  }

  /// Takes up sums that were written before.
  @inline(__always)
  mutating func read(_ rows: Int, _ from: Output) {
    a0 = load(from)
    a1 = load(from + lanes)
    if rows > 1 { a2 = load(from + 2 * lanes) }
    if rows > 1 { a3 = load(from + 3 * lanes) }
    if rows > 2 { b0 = load(from + 4 * lanes) }
    if rows > 2 { b1 = load(from + 5 * lanes) }
    if rows > 3 { b2 = load(from + 6 * lanes) }
    if rows > 3 { b3 = load(from + 7 * lanes) }
    if rows > 4 { c0 = load(from + 8 * lanes) }
    if rows > 4 { c1 = load(from + 9 * lanes) }
    if rows > 5 { c2 = load(from + 10 * lanes) }
    if rows > 5 { c3 = load(from + 11 * lanes) }
  }
}
