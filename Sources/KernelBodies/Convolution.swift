import KernelABI

extension KernelSet {
  public func padImage(
    _ image: Input, groups: Int, height: Int, width: Int,
    to padded: Output, paddedHeight: Int, paddedWidth: Int, offset: Int
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
        clear(to: ((y + offset) * paddedWidth + offset) * lanes)
        for x in 0..<width {
          store(load(source + x * lanes), frame + end)
          end += lanes
        }
      }
      clear(to: plane)
    }
  }

  public func convolve(
    _ shape: ConvolutionShape, padded: Input, packed: Input, bias: Input?, relu: Bool,
    rows: Range<Int>, output: Output
  ) {
    let pass = DirectPass(
      frame: padded, frameWidth: shape.paddedWidth,
      framePlane: shape.paddedHeight * shape.paddedWidth * lanes, channels: shape.inputChannels,
      kernel: shape.kernel, frameStep: shape.stride * lanes, outputStep: lanes, relu: relu)
    forEachPanel(shape.outputChannels, shape.outputHeight * shape.outputWidth, output) {
      index, first, second in
      let filters = packed + index * shape.filterTaps * shape.inputChannels * panel
      let bias0 = bias.map { load($0 + index * panel) } ?? .zero
      let bias1 = bias.map { load($0 + index * panel + lanes) } ?? .zero
      for y in rows {
        let line = y * shape.outputWidth * lanes
        convolveRow(
          pass, filters, Accumulators(bias0, bias1), rows: shape.taps(output: y),
          columns: shape.taps(output: 0), count: shape.outputWidth, first + line,
          second.map { $0 + line })
      }
    }
  }

  /// Every row and column of the input's gradient meets each `stride`-th row and column of the
  /// filter only; columns that meet the same ones are computed together.
  public func convolveBackwardData(
    _ shape: ConvolutionShape, padded: Input, packed: Input, rows: Range<Int>, output: Output
  ) {
    let (width, stride) = (shape.width, shape.stride)
    let pass = DirectPass(
      frame: padded, frameWidth: shape.paddedGradientWidth,
      framePlane: shape.paddedGradientHeight * shape.paddedGradientWidth * lanes,
      channels: shape.outputChannels, kernel: shape.kernel, frameStep: lanes,
      outputStep: stride * lanes, relu: false)
    forEachPanel(shape.inputChannels, shape.height * width, output) { index, first, second in
      let filters = packed + index * shape.filterTaps * shape.outputChannels * panel
      for y in rows {
        for x in 0..<min(stride, width) {
          let start = (y * width + x) * lanes
          convolveRow(
            pass, filters, Accumulators(), rows: shape.taps(input: y),
            columns: shape.taps(input: x), count: blocks(width - x, of: stride), first + start,
            second.map { $0 + start })
        }
      }
    }
  }

  /// Hands out each panel with the planes of its two vectors; the last may lack the second.
  @inline(__always)
  func forEachPanel<Element: Stored>(
    _ channels: Int, _ pixels: Int, _ output: UnsafeMutablePointer<Element>,
    _ body: (Int, UnsafeMutablePointer<Element>, UnsafeMutablePointer<Element>?) -> Void
  ) {
    let groups = blocks(channels, of: lanes)
    for index in 0..<blocks(groups, of: panelVectors) {
      let first = output + index * panelVectors * pixels * lanes
      body(index, first, index * panelVectors + 1 < groups ? first + pixels * lanes : nil)
    }
  }

  /// `count` pixels that meet the same taps: in tiles of four by a panel, and in single pixels for
  /// what is left.
  @inline(__always)
  private func convolveRow(
    _ pass: DirectPass<Float>, _ filters: Input, _ start: Accumulators, rows: FilterTaps,
    columns: FilterTaps, count: Int, _ first: Output, _ second: Output?
  ) {
    var x = 0
    while x + 4 <= count {
      convolvePixels(4, pass, filters, start, rows, columns, x, first, second)
      x += 4
    }
    while x < count {
      convolvePixels(1, pass, filters, start, rows, columns, x, first, second)
      x += 1
    }
  }

  /// As many pixels from the `x`-th on.
  @inline(__always)
  private func convolvePixels(
    _ pixels: Int, _ pass: DirectPass<Float>, _ filters: Input, _ start: Accumulators,
    _ rows: FilterTaps, _ columns: FilterTaps, _ x: Int, _ first: Output, _ second: Output?
  ) {
    var sums = start
    var corner =
      pass.frame + (rows.pixel * pass.frameWidth + columns.pixel) * lanes + x * pass.frameStep
    var group = filters
    var channel = 0
    while channel < pass.channels {
      let count = min(lanes, pass.channels - channel)
      for ky in 0..<rows.count {
        let line = (rows.first + ky * rows.step) * pass.kernel + columns.first
        for kx in 0..<columns.count {
          var w = group + (line + kx * columns.step) * count * panel
          var p = corner + (ky * pass.frameWidth + kx) * lanes
          for _ in 0..<count {
            sums.add(pixels, p, pass.frameStep, w)
            w += panel
            p += 1
          }
        }
      }
      group += pass.kernel * pass.kernel * count * panel
      corner += pass.framePlane
      channel += lanes
    }
    sums.forEachRow(pixels) { pixel, sum, _ in
      store(pass.relu ? positive(sum) : sum, first + (x + pixel) * pass.outputStep)
    }
    guard let second else { return }
    sums.forEachRow(pixels) { pixel, _, sum in
      store(pass.relu ? positive(sum) : sum, second + (x + pixel) * pass.outputStep)
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

/// What stays the same for all pixels of a direct convolution.
struct DirectPass<Number> {
  /// (groups, rows, columns, lanes), with its zeros.
  let frame: UnsafePointer<Number>
  let frameWidth: Int
  let framePlane: Int
  /// Those that are summed over.
  let channels: Int
  let kernel: Int
  /// From a pixel of the output to the next of a row: in the frame, and in the output.
  let frameStep: Int
  let outputStep: Int
  let relu: Bool
}

/// The rows (or columns) of a packed filter that one row (or column) of an output meets, and where
/// in the frame: `count` of them, `step` apart, over neighbours in the frame.
struct FilterTaps {
  let first: Int
  let step: Int
  let count: Int
  /// In the frame, below the first tap.
  let pixel: Int
}

extension ConvolutionShape {
  @inline(__always)
  var filterTaps: Int { kernel * kernel }

  /// y[i] = Σ_k x[i·stride + k − padding]·w[k]
  @inline(__always)
  func taps(output i: Int) -> FilterTaps {
    FilterTaps(first: 0, step: 1, count: kernel, pixel: i * stride)
  }

  /// dx[j] = Σ_k dy[(j + padding − k) / stride]·w[k] over the k that leave no remainder, in a filter
  /// that is packed in reverse.
  @inline(__always)
  func taps(input j: Int) -> FilterTaps {
    let (quotient, remainder) = (j + padding).quotientAndRemainder(dividingBy: stride)
    guard remainder < kernel else { return FilterTaps(first: 0, step: 1, count: 0, pixel: 0) }
    let (others, first) = (kernel - 1 - remainder).quotientAndRemainder(dividingBy: stride)
    return FilterTaps(
      first: first, step: stride, count: others + 1, pixel: gradientPadding + quotient - others)
  }
}
