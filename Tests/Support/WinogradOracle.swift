/// The matrices of F(4×4, 3×3) and F(2×2, 5×5) in double, made from the points and the definition of Cook and Toom.
///
/// With M(x) = Π(x − p) over the finite points and f(p) = Π(p − q) over the others of them:
/// Bᵀ has the coefficients of M(x)/(x − p) as rows, and M's own for ∞; G has (1, p, p²)/f(p), or up
/// to p⁴; A has (1, p, p², p³), or (1, p). ∞ stands for the highest power alone.
public enum WinogradOracle {
  public static let points: [Double] = [
    0, 0.5.squareRoot(), -0.5.squareRoot(), 2.0.squareRoot(), -2.0.squareRoot(),
  ]

  /// (6, 6)
  public static let inputMatrix: [[Double]] =
    points.map { p in coefficients(points.filter { $0 != p }) + [0] } + [coefficients(points)]

  /// G, (6, k)
  public static func filterMatrix(kernel: Int) -> [[Double]] {
    zip(points, powers(kernel)).map { p, powers in
      let f = points.filter { $0 != p }.reduce(1) { $0 * (p - $1) }
      return powers.map { $0 / f }
    } + [powers(kernel)[points.count]]
  }

  /// A, and D, which is the same: (6, 7 − k)
  public static func outputMatrix(kernel: Int) -> [[Double]] { powers(7 - kernel) }

  /// (1, p, p², …) of each point, `count` of them.
  private static func powers(_ count: Int) -> [[Double]] {
    points.map { p in (1..<count).reduce(into: [1]) { row, _ in row.append(row[row.count - 1] * p) }
    }
      + [(1...count).map { $0 == count ? 1 : 0 }]
  }

  /// The coefficients of Π(x − root), that of x⁰ first.
  private static func coefficients(_ roots: [Double]) -> [Double] {
    roots.reduce([1.0]) { polynomial, root in
      zip([0] + polynomial, polynomial + [0]).map { $0 - root * $1 }
    }
  }

  /// m·x·mᵀ of a square x, row-major.
  public static func transform(_ x: [Double], by m: [[Double]]) -> [Double] {
    let rows = m.count
    let n = m[0].count
    var result = [Double](repeating: 0, count: rows * rows)
    for i in 0..<rows {
      for j in 0..<rows {
        for a in 0..<n {
          for b in 0..<n { result[i * rows + j] += m[i][a] * x[a * n + b] * m[j][b] }
        }
      }
    }
    return result
  }

  public static func transposed(_ m: [[Double]]) -> [[Double]] {
    m[0].indices.map { column in m.map { $0[column] } }
  }
}
