import KernelABI

extension KernelSet {
  public func add(_ x: Input, _ other: Input, count: Int, relu: Bool, sum: Output) {
    var i = 0
    while i + lanes <= count {
      let z = loadUnaligned(x + i) + loadUnaligned(other + i)
      storeUnaligned(relu ? positive(z) : z, sum + i)
      i += lanes
    }
    while i < count {
      let z = x[i] + other[i]
      sum[i] = relu && z < 0 ? 0 : z
      i += 1
    }
  }

  public func addBias(_ row: Output, count: Int, bias: Input, relu: Bool) {
    add(Input(row), bias, count: count, relu: relu, sum: row)
  }

  public func reluBackward(output: Values, count: Int, gradient: Output) {
    if output.storage == .bfloat16 { return reluBackward(output.bfloat16s, count, gradient) }
    let output = output.floats
    var i = 0
    while i + lanes <= count {
      let alive = loadUnaligned(output + i) .> .zero
      storeUnaligned(select(alive, loadUnaligned(gradient + i), .zero), gradient + i)
      i += lanes
    }
    while i < count {
      if !(output[i] > 0) { gradient[i] = 0 }
      i += 1
    }
  }

  private func reluBackward(_ output: UnsafePointer<BFloat16>, _ count: Int, _ gradient: Output) {
    for i in stride(from: 0, to: count, by: lanes) {
      let alive = loadBFloat16(output + i) .> .zero
      storeUnaligned(select(alive, loadUnaligned(gradient + i), .zero), gradient + i)
    }
  }

  public func accumulate(_ x: Input, count: Int, into sum: Output) {
    var i = 0
    while i + lanes <= count {
      storeUnaligned(loadUnaligned(sum + i) + loadUnaligned(x + i), sum + i)
      i += lanes
    }
    while i < count {
      sum[i] += x[i]
      i += 1
    }
  }

  public func moveToward(_ x: Input, weight: Float, count: Int, average: Output) {
    // As `torch.lerp` does it: from the nearer end.
    let isNear = weight < 0.5
    let factor = isNear ? weight : 1 - weight
    let factors = Vector(repeating: factor)
    var i = 0
    while i + lanes <= count {
      let (value, old) = (loadUnaligned(x + i), loadUnaligned(average + i))
      let result =
        isNear
        ? multiplyAdd(factors, value - old, old) : value - factors * (value - old)
      storeUnaligned(result, average + i)
      i += lanes
    }
    while i < count {
      let difference = x[i] - average[i]
      average[i] = isNear ? average[i] + factor * difference : x[i] - factor * difference
      i += 1
    }
  }

  public func exchange(_ a: Output, _ b: Output, count: Int) {
    var i = 0
    while i + lanes <= count {
      let value = loadUnaligned(a + i)
      storeUnaligned(loadUnaligned(b + i), a + i)
      storeUnaligned(value, b + i)
      i += lanes
    }
    while i < count {
      swap(&a[i], &b[i])
      i += 1
    }
  }
}
