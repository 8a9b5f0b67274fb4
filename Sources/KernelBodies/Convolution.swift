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

  /// Works in tiles of four pixels by a panel, and in single pixels for what is left of a row.
  public func convolve(
    _ shape: ConvolutionShape, padded: Input, packed: Input, bias: Input?, relu: Bool,
    rows: Range<Int>, output: Output
  ) {
    let height = shape.outputHeight
    let width = shape.outputWidth
    let outputGroups = blocks(shape.outputChannels, of: lanes)
    let tap = shape.inputChannels * shape.kernel * shape.kernel * panel
    for index in 0..<blocks(outputGroups, of: panelVectors) {
      let filters = packed + index * tap
      let group = index * panelVectors
      let first = output + group * height * width * lanes
      let second = group + 1 < outputGroups ? first + height * width * lanes : nil
      let bias0 = bias.map { load($0 + index * panel) } ?? .zero
      let bias1 = bias.map { load($0 + index * panel + lanes) } ?? .zero
      for y in rows {
        var x = 0
        while x + 4 <= width {
          convolvePixels(
            4, shape, padded, filters, Accumulators(bias0, bias1), relu, y, x,
            first + (y * width + x) * lanes, second.map { $0 + (y * width + x) * lanes })
          x += 4
        }
        while x < width {
          convolvePixels(
            1, shape, padded, filters, Accumulators(bias0, bias1), relu, y, x,
            first + (y * width + x) * lanes, second.map { $0 + (y * width + x) * lanes })
          x += 1
        }
      }
    }
  }

  /// As many pixels of one row, from column `x`.
  @inline(__always)
  private func convolvePixels(
    _ pixels: Int, _ shape: ConvolutionShape, _ padded: Input, _ filters: Input,
    _ start: Accumulators, _ relu: Bool, _ y: Int, _ x: Int, _ first: Output, _ second: Output?
  ) {
    let paddedWidth = shape.paddedWidth
    let plane = shape.paddedHeight * paddedWidth * lanes
    let step = shape.stride * lanes
    var sums = start
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
            sums.add(pixels, p, step, w)
            w += panel
            p += 1
          }
        }
      }
      channel += lanes
    }
    sums.forEachRow(pixels) { pixel, sum, _ in
      store(relu ? positive(sum) : sum, first + pixel * lanes)
    }
    guard let second else { return }
    sums.forEachRow(pixels) { pixel, _, sum in
      store(relu ? positive(sum) : sum, second + pixel * lanes)
    }
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
    for index in 0..<blocks(outputs, of: panel) {
      let count = min(panel, outputs - index * panel)
      var channel = 0
      while channel < inputs {
        for tap in 0..<(k * k) {
          let from = filters + (rotated ? k * k - 1 - tap : tap) + index * panel * outputStride
          for input in channel..<min(channel + lanes, inputs) {
            for o in 0..<count { to[o] = from[input * inputStride + o * outputStride] }
            for o in count..<panel { to[o] = 0 }
            to += panel
          }
        }
        channel += lanes
      }
    }
  }
}
