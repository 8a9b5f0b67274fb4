extension LayerNode {
  /// What the layer itself trains, as the last part of its name and its shape.
  var parameters: [(name: String, shape: [Int])] {
    switch (spec, input) {
    case (.conv2d(let filters, let kernel, _, _), .image(let channels, _, _)):
      [("weight", [filters, channels, kernel, kernel]), ("bias", [filters])]
    case (.batchNorm, _): [("weight", [input.channels]), ("bias", [input.channels])]
    case (.dense(let units), .flat(let features)):
      [("weight", [units, features]), ("bias", [units])]
    default: []
    }
  }

  /// What the layer itself keeps besides.
  var statistics: [(name: String, shape: [Int])] {
    guard case .batchNorm = spec else { return [] }
    return [("running_mean", [input.channels]), ("running_var", [input.channels])]
  }

  /// Numbers that the layer itself trains.
  var parameterCount: Int { LayerNode.count(parameters) }
  /// Numbers that it keeps besides.
  var statisticCount: Int { LayerNode.count(statistics) }

  private static func count(_ list: [(name: String, shape: [Int])]) -> Int {
    list.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  /// Additions and multiplications that the layer itself takes to infer one image.
  ///
  /// A multiply-add is two, a bias one; batch norm is one multiply-add a value, ReLU and max-pool
  /// are comparisons, counted as one a value read, an average one addition a value read, the sum
  /// of a residual block one addition a value. Dropout and flatten cost nothing.
  var flops: Int {
    switch (spec, input) {
    case (.conv2d(_, let kernel, _, _), .image(let channels, _, _)):
      output.count * (2 * channels * kernel * kernel + 1)
    case (.dense(let units), _): units * (2 * input.count + 1)
    case (.batchNorm, _): 2 * input.count
    case (.relu, _), (.maxPool, _), (.avgPool, _), (.globalAveragePool, _): input.count
    case (.residual, _): output.count
    default: 0
    }
  }
}
