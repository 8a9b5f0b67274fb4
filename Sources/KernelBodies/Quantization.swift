import CCPUFeatures
import KernelABI

/// 1.5·2²³: the last binary digit of a sum as large as this is 1, so that adding it rounds to a whole
/// number, ties to even.
private let roundingTerm: Float = 12_582_912

extension KernelSet {
  public func quantize(
    _ x: Input, count: Int, scale: Float, range: ClosedRange<Float>, output: Output
  ) {
    let step = Vector(repeating: scale)
    let low = Vector(repeating: range.lowerBound)
    let high = Vector(repeating: range.upperBound)
    let term = Vector(repeating: roundingTerm)
    @inline(__always)
    func quantized(_ v: Vector) -> Vector { (cpu_clamp(v / step, low, high) + term - term) * step }
    var i = 0
    while i + lanes <= count {
      storeUnaligned(quantized(loadUnaligned(x + i)), output + i)
      i += lanes
    }
    while i < count {
      output[i] = quantized(broadcast(x + i))[0]
      i += 1
    }
  }
}

// MARK: - Bytes

extension KernelSet {
  public func dequantize(_ values: Values, count: Int, to floats: Output) {
    let step = Vector(repeating: values.step)
    for i in stride(from: 0, to: count, by: lanes) {
      store(loadAny(values, i) * step, floats + i)
    }
  }

  public func quantize(_ floats: Input, count: Int, to values: Values) {
    let step = Vector(repeating: values.step)
    for i in stride(from: 0, to: count, by: lanes) {
      storeAny(load(floats + i) / step, values, i)
    }
  }

  public func addQuantized(_ x: Values, _ other: Values, count: Int, relu: Bool, sum: Values) {
    let inverse = 1 / sum.step
    let (first, second) = (
      Vector(repeating: x.step * inverse), Vector(repeating: other.step * inverse)
    )
    for i in stride(from: 0, to: count, by: lanes) {
      let z = multiplyAdd(loadAny(x, i), first, loadAny(other, i) * second)
      storeAny(relu ? positive(z) : z, sum, i)
    }
  }

  /// A vector of bytes or floats, which is decided each time: a branch that always goes the same way.
  @inline(__always)
  private func loadAny(_ values: Values, _ i: Int) -> Vector {
    switch values.storage {
    case .float32: load(values.floats + i)
    case .uint8: UInt8.load(values.uint8s + i)
    case .int8: Int8.load(values.int8s + i)
    case .bfloat16: BFloat16.load(values.bfloat16s + i)
    }
  }

  @inline(__always)
  private func storeAny(_ v: Vector, _ values: Values, _ i: Int) {
    switch values.storage {
    case .float32: store(v, values.floats + i)
    case .uint8: UInt8.store(v, values.uint8s + i)
    case .int8: Int8.store(v, values.int8s + i)
    case .bfloat16: BFloat16.store(v, values.bfloat16s + i)
    }
  }

  public func blockQuantized(_ planar: Input, channels: Int, pixels: Int, to blocked: Values) {
    let step = Vector(repeating: blocked.step)
    // (lanes of channels, lanes of pixels)
    withUnsafeTemporaryAllocation(byteCount: lanes * lanes, alignment: 64) { memory in
      let columns = memory.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      let square = Values(
        base: UnsafeMutableRawPointer(columns), storage: blocked.storage, step: blocked.step)
      for group in 0..<blocks(channels, of: lanes) {
        let count = min(lanes, channels - group * lanes)
        let from = planar + group * lanes * pixels
        for first in stride(from: 0, to: pixels, by: lanes) {
          let exist = min(lanes, pixels - first)
          for channel in 0..<count {
            let row = from + channel * pixels + first
            if exist == lanes {
              storeAny(loadUnaligned(row) / step, square, channel * lanes)
            } else {
              for pixel in 0..<exist {
                storeAny(broadcast(row + pixel) / step, square, channel * lanes + pixel)
              }
            }
          }
          let to = (blocked + (group * pixels + first) * lanes).uint8s
          for pixel in 0..<exist {
            let bytes = to + pixel * lanes
            UInt8.copy(nil, to: bytes)
            for channel in 0..<count { bytes[channel] = columns[channel * lanes + pixel] }
          }
        }
      }
    }
  }
}
