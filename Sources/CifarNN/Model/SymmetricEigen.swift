/// Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's cyclic method: the same
/// bits on every machine, whatever linear algebra it has.
///
/// Source: Golub & Van Loan, "Matrix Computations", section 8.5.
struct SymmetricEigen {
  /// From the largest to the smallest.
  private(set) var values: [Double] = []
  /// One of length 1 for each, its largest number positive.
  private(set) var vectors: [[Double]] = []

  /// - Parameter matrix: n·n numbers, of which those on and above the diagonal count.
  init(_ matrix: [Double], size n: Int) {
    var a = matrix
    for row in 0..<n { for column in 0..<row { a[row * n + column] = a[column * n + row] } }
    // Columns become the eigenvectors.
    var v = [Double](repeating: 0, count: n * n)
    for i in 0..<n { v[i * n + i] = 1 }
    // The off-diagonal part shrinks quadratically: eight sweeps are usual.
    for _ in 0..<60 {
      var isDiagonal = true
      for p in 0..<n {
        for q in (p + 1)..<max(n, p + 1) {
          let (app, aqq, apq) = (a[p * n + p], a[q * n + q], a[p * n + q])
          guard abs(apq) > 1e-18 * (abs(app) + abs(aqq)) else { continue }
          isDiagonal = false
          let theta = (aqq - app) / (2 * apq)
          let root = (theta * theta + 1).squareRoot()
          let t = theta >= 0 ? 1 / (theta + root) : 1 / (theta - root)
          let c = 1 / (t * t + 1).squareRoot()
          SymmetricEigen.rotate(&a, &v, n, p, q, c, t * c)
        }
      }
      if isDiagonal { break }
    }
    let order = (0..<n).sorted {
      let (one, other) = (a[$0 * n + $0], a[$1 * n + $1])
      return one == other ? $0 < $1 : one > other
    }
    for column in order {
      values.append(a[column * n + column])
      let vector = (0..<n).map { v[$0 * n + column] }
      let largest = vector.reduce(0.0) { abs($1) > abs($0) ? $1 : $0 }
      vectors.append(largest < 0 ? vector.map { -$0 } : vector)
    }
  }

  /// a = Jᵀ·a·J and v = v·J, where J turns the axes p and q.
  private static func rotate(
    _ a: inout [Double], _ v: inout [Double], _ n: Int, _ p: Int, _ q: Int, _ c: Double,
    _ s: Double
  ) {
    for k in 0..<n {
      let (x, y) = (a[k * n + p], a[k * n + q])
      a[k * n + p] = c * x - s * y
      a[k * n + q] = s * x + c * y
    }
    for k in 0..<n {
      let (x, y) = (a[p * n + k], a[q * n + k])
      a[p * n + k] = c * x - s * y
      a[q * n + k] = s * x + c * y
      let (z, w) = (v[k * n + p], v[k * n + q])
      v[k * n + p] = c * z - s * w
      v[k * n + q] = s * z + c * w
    }
  }
}
