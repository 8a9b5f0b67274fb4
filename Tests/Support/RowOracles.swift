import Glibc

/// Matrices, the loss and the optimiser in double.
public enum RowOracles {
  /// a·b of (rows, depth) and (depth, columns).
  public static func multiply(
    _ a: [Double], _ b: [Double], rows: Int, depth: Int, columns: Int
  ) -> [Double] {
    var c = [Double](repeating: 0, count: rows * columns)
    for i in 0..<rows {
      for k in 0..<depth {
        let factor = a[i * depth + k]
        for j in 0..<columns { c[i * columns + j] += factor * b[k * columns + j] }
      }
    }
    return c
  }

  /// x·Wᵀ + b of x (N, features) and W (units, features).
  public static func dense(
    _ x: [Double], weight: [Double], bias: [Double], features: Int
  ) -> [Double] {
    let units = bias.count
    return (0..<(x.count / features * units)).map { i in
      let (row, unit) = i.quotientAndRemainder(dividingBy: units)
      var sum = bias[unit]
      for k in 0..<features { sum += x[row * features + k] * weight[unit * features + k] }
      return sum
    }
  }

  /// Row by row exp(z − max z)/Σ.
  public static func softmax(_ z: [Double], classes: Int) -> [Double] {
    stride(from: 0, to: z.count, by: classes).flatMap { start in
      let row = z[start..<(start + classes)]
      let largest = row.max() ?? 0
      let sum = row.reduce(0) { $0 + exp($1 - largest) }
      return row.map { exp($0 - largest) / sum }
    }
  }

  /// The mean of −s·Σ t·log softmax, where t = (1 − smoothing)·onehot + smoothing / classes, and s is
  /// the row's scale, or 1.
  public static func crossEntropy(
    _ z: [Double], labels: [Int], classes: Int, smoothing: Double = 0, scales: [Double]? = nil
  ) -> Double {
    var total = 0.0
    for (row, label) in labels.enumerated() {
      for k in 0..<classes {
        let target = (k == label ? 1 - smoothing : 0) + smoothing / Double(classes)
        guard target != 0 else { continue }
        total -= (scales?[row] ?? 1) * target * logProbability(z, row, k, classes: classes)
      }
    }
    return total / Double(labels.count)
  }

  /// log softmax of class k of a row.
  public static func logProbability(_ z: [Double], _ row: Int, _ k: Int, classes: Int) -> Double {
    let values = z[(row * classes)..<((row + 1) * classes)]
    let largest = values.max() ?? 0
    return z[row * classes + k] - largest - log(values.reduce(0) { $0 + exp($1 - largest) })
  }

  /// One parameter of SGD, as PyTorch's and Keras's formulas have it.
  public struct SGD {
    public var value: Double
    public var average = 0.0
    private let momentum: Double

    public init(_ value: Double, momentum: Double) {
      self.value = value
      self.momentum = momentum
    }

    public mutating func move(gradient: Double, rate: Double, nesterov: Bool, keras: Bool) {
      if keras {
        average = momentum * average - rate * gradient
        value += nesterov ? momentum * average - rate * gradient : average
      } else {
        average = momentum * average + gradient
        value -= rate * (nesterov ? gradient + momentum * average : average)
      }
    }
  }

  /// One parameter of Adam, with the bias corrections where Kingma and Ba's algorithm 1 has them,
  /// which is PyTorch's place; `keras` puts them where section 2's last lines and Keras do.
  public struct Adam {
    public var value: Double
    public var average = 0.0
    public var square = 0.0
    private var step = 0.0

    public init(_ value: Double) { self.value = value }

    public mutating func move(
      gradient: Double, rate: Double, epsilon: Double, keras: Bool = false
    ) {
      step += 1
      average = 0.9 * average + 0.1 * gradient
      square = 0.999 * square + 0.001 * gradient * gradient
      let correction1 = 1 - pow(0.9, step)
      let correction2 = 1 - pow(0.999, step)
      if keras {
        value -=
          rate * correction2.squareRoot() / correction1 * average
          / (square.squareRoot() + epsilon)
      } else {
        value -= rate * (average / correction1) / ((square / correction2).squareRoot() + epsilon)
      }
    }
  }
}
