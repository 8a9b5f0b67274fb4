import KernelABI

extension KernelSet {
  /// For each tap, up to four input channels by a pair of output groups stay in registers over a
  /// band of rows, which all taps find in the first-level cache. Pixels under the frame of zeros
  /// add nothing and are left out of the ranges.
  public func addFilterGradient(
    _ shape: ConvolutionShape, inputGroup: Int, outputPair: Int,
    image: Input, gradient: Input, sum: Output
  ) {
    let height = shape.outputHeight
    let width = shape.outputWidth
    let inputPlane = image + inputGroup * shape.height * shape.width * lanes
    let plane = height * width * lanes
    let first = gradient + outputPair * 2 * plane
    let hasSecond = outputPair * 2 + 1 < blocks(shape.outputChannels, of: lanes)
    let second = hasSecond ? first + plane : first
    let channels = min(lanes, shape.inputChannels - inputGroup * lanes)
    let bandRows = max(1, 4096 / (width * pair))
    for top in stride(from: 0, to: height, by: bandRows) {
      let band = top..<min(height, top + bandRows)
      for ky in 0..<shape.kernel {
        let rows = shape.outputs(reading: ky, of: shape.height, limit: height).clamped(to: band)
        for kx in 0..<shape.kernel {
          let columns = shape.outputs(reading: kx, of: shape.width, limit: width)
          let to = sum + (ky * shape.kernel + kx) * lanes * pair
          var channel = 0
          while channel < channels {
            let (dy, dx) = (ky - shape.padding, kx - shape.padding)
            let (from, sums) = (inputPlane + channel, to + channel * pair)
            // An image has three channels.
            if channels - channel == 3 {
              addTap(3, shape, from, first, second, rows, columns, dy, dx, sums)
            } else {
              addTap(4, shape, from, first, second, rows, columns, dy, dx, sums)
            }
            channel += 4
          }
        }
      }
    }
  }

  /// One tap of three or four input channels and a pair of output groups.
  @inline(__always)
  private func addTap(
    _ channels: Int, _ shape: ConvolutionShape, _ input: Input, _ first: Input, _ second: Input,
    _ rows: Range<Int>, _ columns: Range<Int>, _ dy: Int, _ dx: Int, _ to: Output
  ) {
    var (a0, a1, a2, a3) = (
      load(to), load(to + pair), load(to + 2 * pair), load(to + 3 * pair)
    )
    var (b0, b1, b2, b3) = (
      load(to + lanes), load(to + pair + lanes), load(to + 2 * pair + lanes),
      load(to + 3 * pair + lanes)
    )
    let step = shape.stride * lanes
    for y in rows {
      let start = (y * shape.outputWidth + columns.lowerBound) * lanes
      var g0 = first + start
      var g1 = second + start
      var p =
        input
        + ((y * shape.stride + dy) * shape.width + columns.lowerBound * shape.stride + dx) * lanes
      for _ in columns {
        let v0 = load(g0)
        let v1 = load(g1)
        let x0 = broadcast(p)
        a0 = multiplyAdd(x0, v0, a0)
        b0 = multiplyAdd(x0, v1, b0)
        let x1 = broadcast(p + 1)
        a1 = multiplyAdd(x1, v0, a1)
        b1 = multiplyAdd(x1, v1, b1)
        let x2 = broadcast(p + 2)
        a2 = multiplyAdd(x2, v0, a2)
        b2 = multiplyAdd(x2, v1, b2)
        if channels == 4 {
          let x3 = broadcast(p + 3)
          a3 = multiplyAdd(x3, v0, a3)
          b3 = multiplyAdd(x3, v1, b3)
        }
        g0 += lanes
        g1 += lanes
        p += step
      }
    }
    store(a0, to)
    store(a1, to + pair)
    store(a2, to + 2 * pair)
    store(a3, to + 3 * pair)
    store(b0, to + lanes)
    store(b1, to + pair + lanes)
    store(b2, to + 2 * pair + lanes)
    store(b3, to + 3 * pair + lanes)
  }
}

extension KernelSet {
  public func unpackFilterGradient(
    _ shape: ConvolutionShape, _ sums: Input, to filters: Output
  ) {
    let taps = shape.kernel * shape.kernel
    let outputPairs = blocks(shape.outputChannels, of: pair)
    for output in 0..<shape.outputChannels {
      for input in 0..<shape.inputChannels {
        let item = input / lanes * outputPairs + output / pair
        let from = sums + (item * taps * lanes + input % lanes) * pair + output % pair
        let to = filters + (output * shape.inputChannels + input) * taps
        for tap in 0..<taps { to[tap] = from[tap * lanes * pair] }
      }
    }
  }
}

extension ConvolutionShape {
  /// The output rows (or columns) below `limit` for which tap `k` falls inside an input of `size`.
  @inline(__always)
  fileprivate func outputs(reading k: Int, of size: Int, limit: Int) -> Range<Int> {
    // Division rounds toward zero: of a negative number it would take a tap beside the image for
    // one on its first pixel.
    let first = max(0, padding - k + stride - 1) / stride
    let end = min(limit, max(0, size + padding - k + stride - 1) / stride)
    return first..<max(first, end)
  }
}
