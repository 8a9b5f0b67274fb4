import KernelABI

extension KernelSet {
  public func padImage(
    _ image: Input, groups: Int, height: Int, width: Int,
    to padded: Output, paddedHeight: Int, paddedWidth: Int, offset: Int, spread: Int
  ) {
    let plane = paddedHeight * paddedWidth * lanes
    for group in 0..<groups {
      let frame = padded + group * plane
      // What is beyond the last pixel that was written, and not yet zero.
      var end = 0
      func clear(to next: Int) {
        while end < next {
          store(.zero, frame + end)
          end += lanes
        }
      }
      for y in 0..<height {
        let source = image + (group * height + y) * width * lanes
        let row = ((y * spread + offset) * paddedWidth + offset) * lanes
        for x in 0..<width {
          clear(to: row + x * spread * lanes)
          store(load(source + x * lanes), frame + end)
          end += lanes
        }
      }
      clear(to: plane)
    }
  }

  /// Works in tiles of four pixels by a pair of output groups: eight accumulators, as many as keep
  /// two multiply-add units busy through their latency of four cycles.
  public func convolve(
    _ shape: ConvolutionShape, padded: Input, packed: Input, bias: Input?, relu: Bool,
    rows: Range<Int>, output: Output
  ) {
    let height = shape.outputHeight
    let width = shape.outputWidth
    let outputGroups = blocks(shape.outputChannels, of: lanes)
    let tap = shape.inputChannels * shape.kernel * shape.kernel * pair
    for outputPair in 0..<blocks(outputGroups, of: 2) {
      let filters = packed + outputPair * tap
      let first = output + outputPair * 2 * height * width * lanes
      let second =
        outputPair * 2 + 1 < outputGroups ? first + height * width * lanes : nil
      let bias0 = bias.map { load($0 + outputPair * pair) } ?? .zero
      let bias1 = bias.map { load($0 + outputPair * pair + lanes) } ?? .zero
      for y in rows {
        var x = 0
        while x + 4 <= width {
          convolveTile(
            shape, padded, filters, bias0, bias1, relu, y, x,
            first + (y * width + x) * lanes, second.map { $0 + (y * width + x) * lanes })
          x += 4
        }
        while x < width {
          convolvePixel(
            shape, padded, filters, bias0, bias1, relu, y, x,
            first + (y * width + x) * lanes, second.map { $0 + (y * width + x) * lanes })
          x += 1
        }
      }
    }
  }

  /// Four pixels of one row, from column `x`.
  @inline(__always)
  private func convolveTile(
    _ shape: ConvolutionShape, _ padded: Input, _ filters: Input, _ bias0: Vector,
    _ bias1: Vector, _ relu: Bool, _ y: Int, _ x: Int, _ first: Output, _ second: Output?
  ) {
    let paddedWidth = shape.paddedWidth
    let plane = shape.paddedHeight * paddedWidth * lanes
    let step = shape.stride * lanes
    var (a0, a1, a2, a3) = (bias0, bias0, bias0, bias0)
    var (b0, b1, b2, b3) = (bias1, bias1, bias1, bias1)
    var w = filters
    var channel = 0
    while channel < shape.inputChannels {
      let count = min(lanes, shape.inputChannels - channel)
      let corner =
        padded + channel / lanes * plane
        + (y * shape.stride * paddedWidth + x * shape.stride) * lanes
      for ky in 0..<shape.kernel {
        for kx in 0..<shape.kernel {
          var p = corner + (ky * paddedWidth + kx) * lanes
          for _ in 0..<count {
            let w0 = load(w)
            let w1 = load(w + lanes)
            let x0 = broadcast(p)
            a0 = multiplyAdd(x0, w0, a0)
            b0 = multiplyAdd(x0, w1, b0)
            let x1 = broadcast(p + step)
            a1 = multiplyAdd(x1, w0, a1)
            b1 = multiplyAdd(x1, w1, b1)
            let x2 = broadcast(p + 2 * step)
            a2 = multiplyAdd(x2, w0, a2)
            b2 = multiplyAdd(x2, w1, b2)
            let x3 = broadcast(p + 3 * step)
            a3 = multiplyAdd(x3, w0, a3)
            b3 = multiplyAdd(x3, w1, b3)
            w += pair
            p += 1
          }
        }
      }
      channel += lanes
    }
    storeFour(a0, a1, a2, a3, relu, first)
    if let second { storeFour(b0, b1, b2, b3, relu, second) }
  }

  @inline(__always)
  private func storeFour(
    _ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector, _ relu: Bool, _ to: Output
  ) {
    store(relu ? positive(v0) : v0, to)
    store(relu ? positive(v1) : v1, to + lanes)
    store(relu ? positive(v2) : v2, to + 2 * lanes)
    store(relu ? positive(v3) : v3, to + 3 * lanes)
  }

  /// One pixel, for what is left of a row.
  private func convolvePixel(
    _ shape: ConvolutionShape, _ padded: Input, _ filters: Input, _ bias0: Vector,
    _ bias1: Vector, _ relu: Bool, _ y: Int, _ x: Int, _ first: Output, _ second: Output?
  ) {
    let paddedWidth = shape.paddedWidth
    let plane = shape.paddedHeight * paddedWidth * lanes
    var a = bias0
    var b = bias1
    var w = filters
    var channel = 0
    while channel < shape.inputChannels {
      let count = min(lanes, shape.inputChannels - channel)
      let corner =
        padded + channel / lanes * plane
        + (y * shape.stride * paddedWidth + x * shape.stride) * lanes
      for ky in 0..<shape.kernel {
        for kx in 0..<shape.kernel {
          let p = corner + (ky * paddedWidth + kx) * lanes
          for lane in 0..<count {
            let value = broadcast(p + lane)
            a = multiplyAdd(value, load(w), a)
            b = multiplyAdd(value, load(w + lanes), b)
            w += pair
          }
        }
      }
      channel += lanes
    }
    store(relu ? positive(a) : a, first)
    if let second { store(relu ? positive(b) : b, second) }
  }

  public func packFilters(
    _ shape: ConvolutionShape, _ filters: Input, to packed: Output, rotated: Bool
  ) {
    let k = shape.kernel
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    let outputs = rotated ? shape.inputChannels : shape.outputChannels
    // Where one input channel, output channel and tap lie in OIHW.
    let inputStride = rotated ? shape.inputChannels * k * k : k * k
    let outputStride = rotated ? k * k : shape.inputChannels * k * k
    var to = packed
    for outputPair in 0..<blocks(outputs, of: pair) {
      let count = min(pair, outputs - outputPair * pair)
      var channel = 0
      while channel < inputs {
        for tap in 0..<(k * k) {
          let from = filters + (rotated ? k * k - 1 - tap : tap) + outputPair * pair * outputStride
          for input in channel..<min(channel + lanes, inputs) {
            for o in 0..<count { to[o] = from[input * inputStride + o * outputStride] }
            for o in count..<pair { to[o] = 0 }
            to += pair
          }
        }
        channel += lanes
      }
    }
  }
}
