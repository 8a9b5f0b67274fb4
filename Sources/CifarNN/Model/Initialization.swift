import CifarCore

extension Network {
  /// Draws all weights again and resets the statistics.
  ///
  /// - PyTorch: weights and biases of convolutions and dense layers uniform in ±1/√fan_in. That is
  ///   what `kaiming_uniform_(a=√5)` and the bias's bound come to in `nn.Conv2d` and `nn.Linear`.
  /// - Keras: weights uniform in ±√(6/(fan_in + fan_out)) (Glorot & Bengio 2010), biases 0.
  ///
  /// Batch normalisation begins with weight 1, bias 0, running mean 0 and running variance 1,
  /// and the scales of quantized weights are 1.
  /// Filters with an `initializer` get what it says; those of `whitening` stay as drawn until
  /// `whiten` knows the images.
  func initialize(seed: UInt64, _ nodes: [LayerNode]) {
    let shapes = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.shape) })
    for (index, parameter) in parameters.enumerated() {
      let target = UnsafeMutableBufferPointer(
        start: values.pointer + parameter.offset, count: parameter.count)
      let isWeight = parameter.name.hasSuffix(".weight")
      // A bias is drawn by the fans of its weight, if it has one.
      let weightName = isWeight ? parameter.name : parameter.name.dropLast(4) + "weight"
      guard let weight = shapes[String(weightName)], weight.count > 1 else {
        target.update(repeating: isWeight ? 1 : 0)
        continue
      }
      let bound = initialBound(weight: weight, isWeight: isWeight)
      var random = RandomSequence(seed: seed, purpose: .initialization, minor: UInt32(index))
      for i in target.indices { target[i] = random.uniform(-bound, bound) }
    }
    for node in nodes {
      guard case .conv2d(_, _, _, _, _, .dirac, _, _) = node.spec else { continue }
      for parameter in parameters where parameter.name == "\(node.path).weight" {
        setDirac(parameter)
      }
    }
    for statistic in statistics {
      let start = statisticValues.pointer + statistic.offset
      start.update(
        repeating: statistic.name.hasSuffix("running_mean") ? 0 : 1, count: statistic.count)
    }
    weightsChanged()
  }

  /// Filter n of the first ones passes channel n on: 1 at its centre, k/2 rows and columns
  /// from the corner as PyTorch's `dirac_` has it, 0 elsewhere.
  private func setDirac(_ parameter: Parameter) {
    let (filters, inputs, kernel) = (parameter.shape[0], parameter.shape[1], parameter.shape[2])
    let taps = kernel * kernel
    let centre = kernel / 2 * kernel + kernel / 2
    for filter in 0..<min(filters, inputs) {
      let start = values.pointer + parameter.offset + filter * inputs * taps
      start.update(repeating: 0, count: inputs * taps)
      start[filter * taps + centre] = 1
    }
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
