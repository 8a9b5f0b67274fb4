import KernelABI

// Direct convolution of int16: as in Convolution.swift, two channels at a time.

extension KernelSet {
  public func int16Frame(
    _ image: Values, groups: Int, height: Int, width: Int, limit: Float,
    to padded: UnsafeMutablePointer<Int16>, paddedHeight: Int, paddedWidth: Int, offset: Int
  ) -> Float {
    let scale =
      image.storage.isBytes
      ? ImageScale.one
      : ImageScale(
        largest: largestMagnitude(image, count: groups * height * width * lanes), limit: limit)
    let frame = Frame(
      groups: groups, height: height, width: width, paddedHeight: paddedHeight,
      paddedWidth: paddedWidth, offset: offset)
    switch image.storage {
    case .float32: fill(frame, UnsafePointer(image.floats), scale.scale, padded)
    case .bfloat16: fill(frame, UnsafePointer(image.bfloat16s), scale.scale, padded)
    case .uint8: fill(frame, UnsafePointer(image.uint8s), scale.scale, padded)
    case .int8: fill(frame, UnsafePointer(image.int8s), scale.scale, padded)
    }
    return scale.inverse
  }

  @inline(__always)
  private func fill<Element: Stored>(
    _ frame: Frame, _ image: UnsafePointer<Element>, _ scale: Float,
    _ padded: UnsafeMutablePointer<Int16>
  ) {
    let factor = Vector(repeating: scale)
    var end = padded
    for group in 0..<frame.groups {
      let next = padded + (group + 1) * frame.paddedHeight * frame.paddedWidth * lanes
      for y in 0..<frame.height {
        let source = image + (group * frame.height + y) * frame.width * lanes
        let row =
          padded
          + ((group * frame.paddedHeight + y + frame.offset) * frame.paddedWidth + frame.offset)
          * lanes
        clear(&end, to: row)
        for x in 0..<frame.width {
          storeLowerHalves(toInt16(Element.load(source + x * lanes), factor), end)
          end += lanes
        }
      }
      clear(&end, to: next)
    }
  }

  @inline(__always)
  private func clear(_ end: inout UnsafeMutablePointer<Int16>, to next: UnsafeMutablePointer<Int16>)
  {
    while end < next {
      storeLowerHalves(.zero, end)
      end += lanes
    }
  }

  public func packFiltersInt16(
    _ shape: ConvolutionShape, _ filters: Input, to packed: UnsafeMutablePointer<Int16>,
    scales: Output, rotated: Bool
  ) {
    let taps = shape.filterTaps
    let inputs = rotated ? shape.outputChannels : shape.inputChannels
    let outputs = rotated ? shape.inputChannels : shape.outputChannels
    let inputStride = rotated ? shape.inputChannels * taps : taps
    let outputStride = rotated ? taps : shape.inputChannels * taps
    let panelNumbers = taps * blocks(inputs, of: 2) * 2 * panel
    for output in 0..<(blocks(outputs, of: panel) * panel) {
      let exists = output < outputs
      let from = filters + (exists ? output * outputStride : 0)
      var largest: UInt32 = 0
      if exists {
        for input in 0..<inputs {
          for tap in 0..<taps {
            // As bits, so that NaN is the largest.
            largest = max(largest, from[input * inputStride + tap].magnitude.bitPattern)
          }
        }
      }
      let scale = ImageScale(
        largest: Float(bitPattern: largest), limit: Int16Products.weightLimit)
      scales[output] = scale.inverse
      var to = packed + output / panel * panelNumbers + output % panel * 2
      for channel in stride(from: 0, to: inputs, by: lanes) {
        for tap in 0..<taps {
          let place = from + (rotated ? taps - 1 - tap : tap)
          for input in stride(from: channel, to: min(channel + lanes, inputs), by: 2) {
            to[0] = exists ? rounded(place[input * inputStride] * scale.scale) : 0
            to[1] =
              exists && input + 1 < inputs
              ? rounded(place[(input + 1) * inputStride] * scale.scale) : 0
            to += 2 * panel
          }
        }
      }
    }
  }

  public func convolveInt16(
    _ shape: ConvolutionShape, padded: UnsafePointer<Int16>, imageScale: Float,
    packed: UnsafePointer<Int16>, scales: Input, bias: Input?, relu: Bool, rows: Range<Int>,
    output: Values
  ) {
    let frame = Int16Frame(
      pass: DirectPass(
        frame: padded, frameWidth: shape.paddedWidth,
        framePlane: shape.paddedHeight * shape.paddedWidth * lanes, channels: shape.inputChannels,
        kernel: shape.kernel, frameStep: shape.stride * lanes, outputStep: lanes, relu: relu),
      imageScale: Vector(repeating: imageScale))
    switch output.storage {
    case .float32: convolve(shape, frame, packed, scales, bias, rows, output.floats)
    case .bfloat16: convolve(shape, frame, packed, scales, bias, rows, output.bfloat16s)
    case .uint8: convolve(shape, frame, packed, scales, bias, rows, output.uint8s)
    case .int8: convolve(shape, frame, packed, scales, bias, rows, output.int8s)
    }
  }

  @inline(__always)
  private func convolve<Element: Stored>(
    _ shape: ConvolutionShape, _ frame: Int16Frame, _ packed: UnsafePointer<Int16>,
    _ scales: Input, _ bias: Input?, _ rows: Range<Int>, _ output: UnsafeMutablePointer<Element>
  ) {
    forEachPanel(shape.outputChannels, shape.outputHeight * shape.outputWidth, output) {
      index, first, second in
      let filters = frame.filters(packed, panel: index, scales, bias)
      for y in rows {
        let line = y * shape.outputWidth * lanes
        convolveRow(
          frame, filters, rows: shape.taps(output: y), columns: shape.taps(output: 0),
          count: shape.outputWidth, first + line, second.map { $0 + line })
      }
    }
  }

  public func convolveBackwardDataInt16(
    _ shape: ConvolutionShape, padded: UnsafePointer<Int16>, imageScale: Float,
    packed: UnsafePointer<Int16>, scales: Input, rows: Range<Int>, output: Output
  ) {
    let (width, stride) = (shape.width, shape.stride)
    let frame = Int16Frame(
      pass: DirectPass(
        frame: padded, frameWidth: shape.paddedGradientWidth,
        framePlane: shape.paddedGradientHeight * shape.paddedGradientWidth * lanes,
        channels: shape.outputChannels, kernel: shape.kernel, frameStep: lanes,
        outputStep: stride * lanes, relu: false),
      imageScale: Vector(repeating: imageScale))
    forEachPanel(shape.inputChannels, shape.height * width, output) { index, first, second in
      let filters = frame.filters(packed, panel: index, scales, nil)
      for y in rows {
        for x in 0..<min(stride, width) {
          let start = (y * width + x) * lanes
          convolveRow(
            frame, filters, rows: shape.taps(input: y), columns: shape.taps(input: x),
            count: blocks(width - x, of: stride), first + start, second.map { $0 + start })
        }
      }
    }
  }

  @inline(__always)
  private func convolveRow<Element: Stored>(
    _ frame: Int16Frame, _ filters: Int16Filters, rows: FilterTaps, columns: FilterTaps,
    count: Int, _ first: UnsafeMutablePointer<Element>, _ second: UnsafeMutablePointer<Element>?
  ) {
    var x = 0
    while x + 4 <= count {
      let sums = convolvePixels(4, frame, filters, rows, columns, x)
      write(4, sums, frame, filters, x, first, second)
      x += 4
    }
    while x < count {
      let sums = convolvePixels(1, frame, filters, rows, columns, x)
      write(1, sums, frame, filters, x, first, second)
      x += 1
    }
  }

  @inline(__always)
  private func convolvePixels(
    _ pixels: Int, _ frame: Int16Frame, _ filters: Int16Filters, _ rows: FilterTaps,
    _ columns: FilterTaps, _ x: Int
  ) -> Accumulators {
    let pass = frame.pass
    var sums = Accumulators()
    var products = Accumulators()
    // Pairs that are still to be added to `products` before they are added to `sums`.
    var left = Int16Products.sumProducts / 2
    var corner =
      pass.frame + (rows.pixel * pass.frameWidth + columns.pixel) * lanes + x * pass.frameStep
    var group = filters.packed
    var channel = 0
    while channel < pass.channels {
      let pairs = (min(lanes, pass.channels - channel) + 1) / 2
      for ky in 0..<rows.count {
        let line = (rows.first + ky * rows.step) * pass.kernel + columns.first
        for kx in 0..<columns.count {
          var w = group + (line + kx * columns.step) * pairs * 2 * panel
          var p = corner + (ky * pass.frameWidth + kx) * lanes
          if left < pairs {
            sums.addInt32(pixels, products)
            products = Accumulators()
            left = Int16Products.sumProducts / 2
          }
          left -= pairs
          for _ in 0..<pairs {
            products.addPairs(pixels, p, pass.frameStep, w)
            w += 2 * panel
            p += 2
          }
        }
      }
      group += pass.kernel * pass.kernel * pairs * 2 * panel
      corner += pass.framePlane
      channel += lanes
    }
    sums.addInt32(pixels, products)
    return sums
  }

  /// Transparent, as in `winogradOutput`.
  @_transparent
  private func write<Element: Stored>(
    _ pixels: Int, _ sums: Accumulators, _ frame: Int16Frame, _ filters: Int16Filters, _ x: Int,
    _ first: UnsafeMutablePointer<Element>, _ second: UnsafeMutablePointer<Element>?
  ) {
    let relu = frame.pass.relu
    let step = frame.pass.outputStep
    sums.forEachRow(pixels) { pixel, sum, _ in
      let value = multiplyAdd(sum, filters.scale0, filters.bias0)
      Element.store(relu ? positive(value) : value, first + (x + pixel) * step)
    }
    guard let second else { return }
    sums.forEachRow(pixels) { pixel, _, sum in
      let value = multiplyAdd(sum, filters.scale1, filters.bias1)
      Element.store(relu ? positive(value) : value, second + (x + pixel) * step)
    }
  }
}

@inline(__always)
private func rounded(_ value: Float) -> Int16 {
  // As `toInt16`: of what is no number, something.
  Int16(truncatingIfNeeded: (value + 12_582_912).bitPattern)
}

/// An image in a frame of zeros.
private struct Frame {
  let groups: Int
  let height: Int
  let width: Int
  let paddedHeight: Int
  let paddedWidth: Int
  let offset: Int
}

private struct Int16Frame {
  let pass: DirectPass<Int16>
  let imageScale: Vector

  /// One panel of the filters, for this image.
  @inline(__always)
  func filters(
    _ packed: UnsafePointer<Int16>, panel index: Int, _ scales: Input, _ bias: Input?
  ) -> Int16Filters {
    let taps = pass.kernel * pass.kernel
    return Int16Filters(
      packed: packed + index * taps * blocks(pass.channels, of: 2) * 2 * panel,
      scale0: load(scales + index * panel) * imageScale,
      scale1: load(scales + index * panel + lanes) * imageScale,
      bias0: bias.map { load($0 + index * panel) } ?? .zero,
      bias1: bias.map { load($0 + index * panel + lanes) } ?? .zero)
  }
}

private struct Int16Filters {
  let packed: UnsafePointer<Int16>
  let scale0: Vector
  let scale1: Vector
  let bias0: Vector
  let bias1: Vector
}
