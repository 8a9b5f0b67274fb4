import KernelABI

extension KernelSet {
  public func add(_ x: Values, _ other: Values, count: Int, relu: Bool, sum: Values) {
    switch (x.storage, other.storage) {
    case (.float32, .float32) where sum.storage == .float32:
      addRows(x.floats, other.floats, count: count, relu: relu, sum: sum.floats)
    case (.float32, .float32): add(x.floats, other.floats, count, relu, sum)
    case (.float32, .bfloat16): add(x.floats, other.bfloat16s, count, relu, sum)
    case (.bfloat16, .float32): add(x.bfloat16s, other.floats, count, relu, sum)
    case (.bfloat16, .bfloat16): add(x.bfloat16s, other.bfloat16s, count, relu, sum)
    case (.uint8, _), (.int8, _), (_, .uint8), (_, .int8): wrongStorage()
    }
  }

  @inline(__always)
  private func add<First: Stored, Second: Stored>(
    _ x: UnsafePointer<First>, _ other: UnsafePointer<Second>, _ count: Int, _ relu: Bool,
    _ sum: Values
  ) {
    switch sum.storage {
    case .float32: addVectors(x, other, count, relu, sum.floats)
    case .bfloat16: addVectors(x, other, count, relu, sum.bfloat16s)
    case .uint8, .int8: wrongStorage()
    }
  }

  @inline(__always)
  private func addVectors<First: Stored, Second: Stored, Sum: Stored>(
    _ x: UnsafePointer<First>, _ other: UnsafePointer<Second>, _ count: Int, _ relu: Bool,
    _ sum: UnsafeMutablePointer<Sum>
  ) {
    for i in stride(from: 0, to: count, by: lanes) {
      let z = First.load(x + i) + Second.load(other + i)
      Sum.store(relu ? positive(z) : z, sum + i)
    }
  }

  /// Rows of any length at any address.
  private func addRows(_ x: Input, _ other: Input, count: Int, relu: Bool, sum: Output) {
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
    addRows(row, bias, count: count, relu: relu, sum: row)
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

  public func addPairwise(_ x: Input, stride: Int, terms: Int, count: Int, to sum: Output) {
    @inline(__always)
    func forEachVector(_ total: (Input) -> Vector) {
      var i = 0
      while i < count {
        store(total(x + i), sum + i)
        i += lanes
      }
    }
    @inline(__always)
    func two(_ p: Input) -> Vector { load(p) + load(p + stride) }
    @inline(__always)
    func four(_ p: Input) -> Vector { two(p) + two(p + 2 * stride) }
    @inline(__always)
    func eight(_ p: Input) -> Vector { four(p) + four(p + 4 * stride) }
    @inline(__always)
    func sixteen(_ p: Input) -> Vector { eight(p) + eight(p + 8 * stride) }
    switch terms {
    case 1: forEachVector { load($0) }
    case 2: forEachVector { two($0) }
    case 4: forEachVector { four($0) }
    case 8: forEachVector { eight($0) }
    case 16: forEachVector { sixteen($0) }
    case 32: forEachVector { sixteen($0) + sixteen($0 + 16 * stride) }
    default:
      forEachVector { p in
        let (first, second) = (sixteen(p), sixteen(p + 16 * stride))
        let (third, fourth) = (sixteen(p + 32 * stride), sixteen(p + 48 * stride))
        return (first + second) + (third + fourth)
      }
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
