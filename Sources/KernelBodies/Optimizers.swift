import KernelABI

// A multiply-add is rounded once, a product and a sum twice: what SGD, clipping and decay come to is
// the same in every instruction set, as none of them uses the former.

extension KernelSet {
  public func decay(
    count: Int, parameters: Output, gradients: Output, scale: Float, penalty: Float, keep: Float
  ) {
    let scales = Vector(repeating: scale)
    let penalties = Vector(repeating: penalty)
    let keeps = Vector(repeating: keep)
    var i = 0
    while i + lanes <= count {
      let w = loadUnaligned(parameters + i)
      storeUnaligned(loadUnaligned(gradients + i) * scales + penalties * w, gradients + i)
      storeUnaligned(w * keeps, parameters + i)
      i += lanes
    }
    while i < count {
      gradients[i] = gradients[i] * scale + penalty * parameters[i]
      parameters[i] *= keep
      i += 1
    }
  }

  public func sgd(
    count: Int, parameters: Output, gradients: Input, momenta: Output?, step: SGDStep
  ) {
    guard let momenta else {
      return descend(count, parameters, gradients, step.gradientFactor, step.stepFactor)
    }
    let momentum = Vector(repeating: step.momentum)
    let gradientFactor = Vector(repeating: step.gradientFactor)
    let stepFactor = Vector(repeating: step.stepFactor)
    var i = 0
    while i + lanes <= count {
      let g = gradientFactor * loadUnaligned(gradients + i)
      let m = momentum * loadUnaligned(momenta + i) + g
      storeUnaligned(m, momenta + i)
      let d = step.isNesterov ? momentum * m + g : m
      storeUnaligned(loadUnaligned(parameters + i) + stepFactor * d, parameters + i)
      i += lanes
    }
    while i < count {
      let g = step.gradientFactor * gradients[i]
      let m = step.momentum * momenta[i] + g
      momenta[i] = m
      parameters[i] += step.stepFactor * (step.isNesterov ? step.momentum * m + g : m)
      i += 1
    }
  }

  /// w += stepFactor·gradientFactor·g.
  private func descend(
    _ count: Int, _ parameters: Output, _ gradients: Input, _ gradientFactor: Float,
    _ stepFactor: Float
  ) {
    let factor = Vector(repeating: stepFactor * gradientFactor)
    var i = 0
    while i + lanes <= count {
      let w = loadUnaligned(parameters + i) + factor * loadUnaligned(gradients + i)
      storeUnaligned(w, parameters + i)
      i += lanes
    }
    while i < count {
      parameters[i] += stepFactor * gradientFactor * gradients[i]
      i += 1
    }
  }

  public func adam(
    count: Int, parameters: Output, gradients: Input, averages: Output, squares: Output,
    step: AdamStep
  ) {
    let beta1 = Vector(repeating: step.beta1)
    let beta2 = Vector(repeating: step.beta2)
    let rest1 = Vector(repeating: 1 - step.beta1)
    let rest2 = Vector(repeating: 1 - step.beta2)
    let rate = Vector(repeating: step.rate)
    let rootScale = Vector(repeating: step.rootScale)
    let epsilon = Vector(repeating: step.epsilon)
    var i = 0
    while i + lanes <= count {
      let g = loadUnaligned(gradients + i)
      let m = multiplyAdd(beta1, loadUnaligned(averages + i), rest1 * g)
      let v = multiplyAdd(beta2, loadUnaligned(squares + i), rest2 * g * g)
      storeUnaligned(m, averages + i)
      storeUnaligned(v, squares + i)
      let root = multiplyAdd(squareRoot(v), rootScale, epsilon)
      storeUnaligned(loadUnaligned(parameters + i) - rate * m / root, parameters + i)
      i += lanes
    }
    while i < count {
      let g = gradients[i]
      averages[i] = step.beta1 * averages[i] + (1 - step.beta1) * g
      squares[i] = step.beta2 * squares[i] + (1 - step.beta2) * g * g
      let root = squares[i].squareRoot() * step.rootScale + step.epsilon
      parameters[i] -= step.rate * averages[i] / root
      i += 1
    }
  }
}
