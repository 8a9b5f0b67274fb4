import KernelABI

extension KernelSet {
  /// For each tap, up to four input channels by a panel of the output stay in registers over a
  /// band of rows, which all taps find in the first-level cache. Pixels under the frame of zeros
  /// add nothing and are left out of the ranges.
  public func addFilterGradient(
    _ shape: ConvolutionShape, inputGroup: Int, outputPanel: Int,
    image: Input, gradient: Input, sum: Output
  ) {
    let height = shape.outputHeight
    let width = shape.outputWidth
    let inputPlane = image + inputGroup * shape.height * shape.width * lanes
    let plane = height * width * lanes
    let first = gradient + outputPanel * panelVectors * plane
    let hasSecond = outputPanel * panelVectors + 1 < blocks(shape.outputChannels, of: lanes)
    let second = hasSecond ? first + plane : first
    let channels = min(lanes, shape.inputChannels - inputGroup * lanes)
    let bandRows = max(1, 4096 / (width * panel))
    for top in stride(from: 0, to: height, by: bandRows) {
      let band = top..<min(height, top + bandRows)
      for ky in 0..<shape.kernel {
        let rows = shape.outputs(reading: ky, of: shape.height, limit: height).clamped(to: band)
        for kx in 0..<shape.kernel {
          let columns = shape.outputs(reading: kx, of: shape.width, limit: width)
          let to = sum + (ky * shape.kernel + kx) * lanes * panel
          var channel = 0
          while channel < channels {
            let (dy, dx) = (ky - shape.padding, kx - shape.padding)
            let (from, sums) = (inputPlane + channel, to + channel * panel)
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

  /// One tap of three or four input channels and a panel of the output.
  @inline(__always)
  private func addTap(
    _ channels: Int, _ shape: ConvolutionShape, _ input: Input, _ first: Input, _ second: Input,
    _ rows: Range<Int>, _ columns: Range<Int>, _ dy: Int, _ dx: Int, _ to: Output
  ) {
    var sums = Accumulators()
    sums.read(channels, to)
    let step = shape.stride * lanes
    for y in rows {
      let start = (y * shape.outputWidth + columns.lowerBound) * lanes
      var g0 = first + start
      var g1 = second + start
      var p =
        input
        + ((y * shape.stride + dy) * shape.width + columns.lowerBound * shape.stride + dx) * lanes
      for _ in columns {
        sums.add(channels, p, 1, load(g0), load(g1))
        g0 += lanes
        g1 += lanes
        p += step
      }
    }
    sums.write(channels, to)
  }
}

extension KernelSet {
  public func unpackFilterGradient(
    _ shape: ConvolutionShape, _ sums: Input, inputGroup: Int, outputPanel: Int,
    to filters: Output
  ) {
    // For most the compiler knows their number.
    if shape.kernel == 3 {
      unpack(9, shape, sums, inputGroup, outputPanel, filters)
    } else {
      unpack(shape.kernel * shape.kernel, shape, sums, inputGroup, outputPanel, filters)
    }
  }

  @inline(__always)
  private func unpack(
    _ taps: Int, _ shape: ConvolutionShape, _ sums: Input, _ inputGroup: Int, _ outputPanel: Int,
    _ filters: Output
  ) {
    let (firstInput, firstOutput) = (inputGroup * lanes, outputPanel * panel)
    for output in 0..<min(panel, shape.outputChannels - firstOutput) {
      for input in 0..<min(lanes, shape.inputChannels - firstInput) {
        let from = sums + input * panel + output
        let to =
          filters + ((firstOutput + output) * shape.inputChannels + firstInput + input) * taps
        for tap in 0..<taps { to[tap] = from[tap * lanes * panel] }
      }
    }
  }
}

extension ConvolutionShape {
  /// The output rows (or columns) below `limit` for which tap `k` falls inside an input of `size`.
  @inline(__always)
  func outputs(reading k: Int, of size: Int, limit: Int) -> Range<Int> {
    // Division rounds toward zero: of a negative number it would take a tap beside the image for
    // one on its first pixel.
    let first = max(0, padding - k + stride - 1) / stride
    let end = min(limit, max(0, size + padding - k + stride - 1) / stride)
    return first..<max(first, end)
  }
}
