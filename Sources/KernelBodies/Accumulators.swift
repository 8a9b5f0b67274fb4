/// The register tile of every product of matrices and convolution: sums of up to six rows by one
/// panel, twelve vectors, so that the latency of the multiply-add units is covered. Four rows are
/// eight sums, as many as keep two units busy through a latency of four cycles.
///
/// Methods take the number of rows, a constant where they are called: rows beyond it cost nothing.
struct Accumulators {
  /// Rows of a full tile.
  static let rows = 6

  private var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
  private var b0 = Vector.zero, b1 = Vector.zero, b2 = Vector.zero, b3 = Vector.zero
  private var c0 = Vector.zero, c1 = Vector.zero, c2 = Vector.zero, c3 = Vector.zero

  @inline(__always) init() {}

  /// Begins every row with the same two vectors.
  @inline(__always)
  init(_ first: Vector, _ second: Vector) {
    (a0, a2, b0, b2, c0, c2) = (first, first, first, first, first, first)
    (a1, a3, b1, b3, c1, c3) = (second, second, second, second, second, second)
  }

  /// Adds the products of `rows` values, `step` apart, and one row of a panel.
  @inline(__always)
  mutating func add(_ rows: Int, _ x: Input, _ step: Int, _ w: Input) {
    add(rows, x, step, load(w), load(w + lanes))
  }

  /// The same, of a row whose two vectors are not beside each other.
  @inline(__always)
  mutating func add(_ rows: Int, _ x: Input, _ step: Int, _ w0: Vector, _ w1: Vector) {
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

  /// Hands out the two vectors of each of `rows` rows.
  @inline(__always)
  func forEachRow(_ rows: Int, _ body: (Int, Vector, Vector) -> Void) {
    body(0, a0, a1)
    if rows > 1 { body(1, a2, a3) }
    if rows > 2 { body(2, b0, b1) }
    if rows > 3 { body(3, b2, b3) }
    if rows > 4 { body(4, c0, c1) }
    if rows > 5 { body(5, c2, c3) }
  }

  /// Stores `rows` rows of a panel.
  @inline(__always)
  func write(_ rows: Int, _ to: Output) {
    forEachRow(rows) { row, first, second in
      store(first, to + row * panel)
      store(second, to + row * panel + lanes)
    }
  }

  /// Takes up sums that were written before.
  @inline(__always)
  mutating func read(_ rows: Int, _ from: Output) {
    (a0, a1) = (load(from), load(from + lanes))
    if rows > 1 { (a2, a3) = (load(from + panel), load(from + panel + lanes)) }
    if rows > 2 { (b0, b1) = (load(from + 2 * panel), load(from + 2 * panel + lanes)) }
    if rows > 3 { (b2, b3) = (load(from + 3 * panel), load(from + 3 * panel + lanes)) }
    if rows > 4 { (c0, c1) = (load(from + 4 * panel), load(from + 4 * panel + lanes)) }
    if rows > 5 { (c2, c3) = (load(from + 5 * panel), load(from + 5 * panel + lanes)) }
  }

  /// Adds sums that were taken before to those that have come since.
  @inline(__always)
  mutating func addEarlier(_ rows: Int, _ earlier: Accumulators) {
    (a0, a1) = (earlier.a0 + a0, earlier.a1 + a1)
    if rows > 1 { (a2, a3) = (earlier.a2 + a2, earlier.a3 + a3) }
    if rows > 2 { (b0, b1) = (earlier.b0 + b0, earlier.b1 + b1) }
    if rows > 3 { (b2, b3) = (earlier.b2 + b2, earlier.b3 + b3) }
    if rows > 4 { (c0, c1) = (earlier.c0 + c0, earlier.c1 + c1) }
    if rows > 5 { (c2, c3) = (earlier.c2 + c2, earlier.c3 + c3) }
  }

  // MARK: Pairs of int16

  /// Adds the products of `rows` pairs, `step` numbers apart, and one row of pairs of a panel, to
  /// int32.
  @inline(__always)
  mutating func addPairs(
    _ rows: Int, _ x: UnsafePointer<Int16>, _ step: Int, _ w: UnsafePointer<Int16>
  ) {
    let w0 = loadPairs(w)
    let w1 = loadPairs(w + 2 * lanes)
    addPairRow(broadcastPair(x), w0, w1, &a0, &a1)
    if rows > 1 { addPairRow(broadcastPair(x + step), w0, w1, &a2, &a3) }
    if rows > 2 { addPairRow(broadcastPair(x + 2 * step), w0, w1, &b0, &b1) }
    if rows > 3 { addPairRow(broadcastPair(x + 3 * step), w0, w1, &b2, &b3) }
    if rows > 4 { addPairRow(broadcastPair(x + 4 * step), w0, w1, &c0, &c1) }
    if rows > 5 { addPairRow(broadcastPair(x + 5 * step), w0, w1, &c2, &c3) }
  }

  @inline(__always)
  private func addPairRow(
    _ x: Vector, _ w0: Vector, _ w1: Vector, _ first: inout Vector, _ second: inout Vector
  ) {
    first = multiplyAddPairs(x, w0, first)
    second = multiplyAddPairs(x, w1, second)
  }

  /// Adds sums of int32.
  @inline(__always)
  mutating func addInt32(_ rows: Int, _ sums: Accumulators) {
    a0 += fromInt32(sums.a0)
    a1 += fromInt32(sums.a1)
    if rows > 1 { (a2, a3) = (a2 + fromInt32(sums.a2), a3 + fromInt32(sums.a3)) }
    if rows > 2 { (b0, b1) = (b0 + fromInt32(sums.b0), b1 + fromInt32(sums.b1)) }
    if rows > 3 { (b2, b3) = (b2 + fromInt32(sums.b2), b3 + fromInt32(sums.b3)) }
    if rows > 4 { (c0, c1) = (c0 + fromInt32(sums.c0), c1 + fromInt32(sums.c1)) }
    if rows > 5 { (c2, c3) = (c2 + fromInt32(sums.c2), c3 + fromInt32(sums.c3)) }
  }

  /// Adds sums of int32, times `scale`.
  @inline(__always)
  mutating func addInt32(_ rows: Int, _ sums: Accumulators, times scale: Vector) {
    @inline(__always)
    func add(_ sum: Vector, _ to: inout Vector) { to = multiplyAdd(fromInt32(sum), scale, to) }
    add(sums.a0, &a0)
    add(sums.a1, &a1)
    if rows > 1 {
      add(sums.a2, &a2)
      add(sums.a3, &a3)
    }
    if rows > 2 {
      add(sums.b0, &b0)
      add(sums.b1, &b1)
    }
    if rows > 3 {
      add(sums.b2, &b2)
      add(sums.b3, &b3)
    }
    if rows > 4 {
      add(sums.c0, &c0)
      add(sums.c1, &c1)
    }
    if rows > 5 {
      add(sums.c2, &c2)
      add(sums.c3, &c3)
    }
  }
}
