import CifarCore

extension Network {
  /// Draws all weights again and resets the statistics.
  ///
  /// - PyTorch: weights and biases of convolutions and dense layers uniform in ±1/√fan_in. That is
  ///   what `kaiming_uniform_(a=√5)` and the bias's bound come to in `nn.Conv2d` and `nn.Linear`.
  /// - Keras: weights uniform in ±√(6/(fan_in + fan_out)) (Glorot & Bengio 2010), biases 0.
  ///
  /// Batch normalisation begins with weight 1, bias 0, running mean 0 and running variance 1.
  func initialize(seed: UInt64) {
    for (index, parameter) in parameters.enumerated() {
      let target = UnsafeMutableBufferPointer(
        start: values.pointer + parameter.offset, count: parameter.count)
      let isWeight = parameter.name.hasSuffix(".weight")
      // A bias follows its weight, whose shape has the fans.
      let weight = isWeight ? parameter : parameters[index - 1]
      guard weight.shape.count > 1 else {
        target.update(repeating: isWeight ? 1 : 0)
        continue
      }
      let bound = initialBound(weight: weight.shape, isWeight: isWeight)
      var random = RandomSequence(seed: seed, purpose: .initialization, minor: UInt32(index))
      for i in target.indices { target[i] = random.uniform(-bound, bound) }
    }
    for statistic in statistics {
      let start = statisticValues.pointer + statistic.offset
      start.update(
        repeating: statistic.name.hasSuffix("running_var") ? 1 : 0, count: statistic.count)
    }
    weightsChanged()
  }

  private func initialBound(weight shape: [Int], isWeight: Bool) -> Float {
    let field = shape.dropFirst(2).reduce(1, *)
    let fanIn = Float(shape[1] * field)
    let fanOut = Float(shape[0] * field)
    switch dialect {
    case .pytorch: return 1 / fanIn.squareRoot()
    case .keras: return isWeight ? (6 / (fanIn + fanOut)).squareRoot() : 0
    }
  }
}
