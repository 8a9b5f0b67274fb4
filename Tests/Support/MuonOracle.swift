/// Muon's update in double precision.
public enum MuonOracle {
  /// Three Newton–Schulz steps from u/(‖u‖ + 1e-7): X = 3.4445·X + (−4.775·A + 2.0315·A²)·X with
  /// A = X·Xᵀ. The matrix is (rows, columns), with at least as many columns as rows.
  public static func orthogonal(_ u: [Double], rows: Int, columns: Int) -> [Double] {
    let norm = u.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-7
    var x = u.map { $0 / norm }
    for _ in 0..<3 {
      let gram = product(x, transposed(x, rows, columns), rows, columns, rows)
      let square = product(gram, gram, rows, rows, rows)
      let polynomial = zip(gram, square).map { -4.775 * $0 + 2.0315 * $1 }
      let moved = product(polynomial, x, rows, rows, columns)
      x = zip(x, moved).map { 3.4445 * $0 + $1 }
    }
    return x
  }

  private static func transposed(_ a: [Double], _ rows: Int, _ columns: Int) -> [Double] {
    (0..<(rows * columns)).map { a[$0 % rows * columns + $0 / rows] }
  }

  /// (rows × depth) · (depth × columns)
  private static func product(
    _ a: [Double], _ b: [Double], _ rows: Int, _ depth: Int, _ columns: Int
  ) -> [Double] {
    var c = [Double](repeating: 0, count: rows * columns)
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          for row in 0..<rows {
            for k in 0..<depth {
              let factor = a[row * depth + k]
              for column in 0..<columns {
                c[row * columns + column] += factor * b[k * columns + column]
              }
            }
          }
        }
      }
    }
    return c
  }
}
