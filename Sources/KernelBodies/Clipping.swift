import CCPUFeatures
import KernelABI

extension KernelSet {
  /// Eight sums side by side, whatever the vectors are.
  public func squareSum(_ x: Input, count: Int) -> Double {
    var sums = SIMD8<Double>(repeating: 0)
    var i = 0
    while i + 8 <= count {
      sums = cpu_add_squares(sums, UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self))
      i += 8
    }
    var total = sums[0]
    for lane in 1..<8 { total += sums[lane] }
    while i < count {
      total += Double(x[i]) * Double(x[i])
      i += 1
    }
    return total
  }

  public func scale(_ values: Output, count: Int, factor: Float) {
    let factors = Vector(repeating: factor)
    var i = 0
    while i + lanes <= count {
      storeUnaligned(loadUnaligned(values + i) * factors, values + i)
      i += lanes
    }
    while i < count {
      values[i] *= factor
      i += 1
    }
  }

  public func clip(_ values: Output, count: Int, limit: Float) {
    let most = Vector(repeating: limit)
    let least = Vector(repeating: -limit)
    var i = 0
    while i + lanes <= count {
      var v = loadUnaligned(values + i)
      v = select(v .> most, most, v)
      v = select(v .< least, least, v)
      storeUnaligned(v, values + i)
      i += lanes
    }
    while i < count {
      if values[i] > limit { values[i] = limit }
      if values[i] < -limit { values[i] = -limit }
      i += 1
    }
  }
}
