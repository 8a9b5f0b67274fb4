import KernelABI

// The gradient of the filters of a direct convolution from int16: an instruction multiplies two
// neighbours of the output's gradient by the two pixels of the input that they meet.

extension KernelSet {
  public func pixelPairs(
    _ shape: ConvolutionShape, _ plane: Values, to pairs: UnsafeMutablePointer<Int16>
  ) -> Float {
    let largest = largestMagnitude(plane, count: shape.height * shape.width * lanes)
    let scale = ImageScale(largest: largest, limit: Int16Products.imageLimit)
    switch plane.storage {
    case .float32: pairUp(shape, UnsafePointer(plane.floats), scale.scale, pairs)
    case .bfloat16: pairUp(shape, UnsafePointer(plane.bfloat16s), scale.scale, pairs)
    case .uint8, .int8: wrongStorage()
    }
    return scale.inverse
  }

  @inline(__always)
  private func pairUp<Element: Stored>(
    _ shape: ConvolutionShape, _ plane: UnsafePointer<Element>, _ scale: Float,
    _ pairs: UnsafeMutablePointer<Int16>
  ) {
    let factor = Vector(repeating: scale)
    let (width, stride) = (shape.width, shape.stride)
    let count = blocks(shape.outputWidth, of: 2)
    for y in 0..<shape.height where (y + shape.padding) % stride < shape.kernel {
      let row = plane + y * width * lanes
      for kx in 0..<shape.kernel {
        var to = pairs + (kx * shape.height + y) * count * 2 * lanes
        var x = kx - shape.padding
        for _ in 0..<count {
          let first = x >= 0 && x < width ? Element.load(row + x * lanes) : .zero
          let next = x + stride
          let second = next >= 0 && next < width ? Element.load(row + next * lanes) : .zero
          storePairs(Self.pair(first, second, factor), to)
          to += 2 * lanes
          x += 2 * stride
        }
      }
    }
  }

  @inline(__always)
  private static func pair(_ first: Vector, _ second: Vector, _ factor: Vector) -> Vector {
    pairs(toInt16(first, factor), toInt16(second, factor))
  }

  public func gradientPairs(
    _ shape: ConvolutionShape, first: Input, second: Input?, to pairs: UnsafeMutablePointer<Int16>
  ) -> Float {
    let (height, width) = (shape.outputHeight, shape.outputWidth)
    let count = height * width * lanes
    var largest = largestMagnitude(Values(first), count: count)
    if let second {
      let other = largestMagnitude(Values(second), count: count)
      // As bits, so that NaN is the largest.
      largest = Float(bitPattern: max(largest.bitPattern, other.bitPattern))
    }
    let scale = ImageScale(largest: largest, limit: Int16Products.gradientLimit)
    let factor = Vector(repeating: scale.scale)
    var to = pairs
    for y in 0..<height {
      let row = y * width * lanes
      for x in stride(from: 0, to: width, by: 2) {
        let (place, hasNext) = (row + x * lanes, x + 1 < width)
        @inline(__always)
        func put(_ plane: Input, _ to: UnsafeMutablePointer<Int16>) {
          let next = hasNext ? load(plane + place + lanes) : .zero
          storePairs(Self.pair(load(plane + place), next, factor), to)
        }
        put(first, to)
        if let second { put(second, to + 2 * lanes) } else { storePairs(.zero, to + 2 * lanes) }
        to += 2 * panel
      }
    }
    return scale.inverse
  }

  /// As in `addFilterGradient`, a band of rows at a time.
  public func addFilterGradientInt16(
    _ shape: ConvolutionShape, channels: Int, image: UnsafePointer<Int16>,
    gradient: UnsafePointer<Int16>, scale: Float, sum: Output
  ) {
    let height = shape.outputHeight
    let pairs = blocks(shape.outputWidth, of: 2)
    let bandRows = max(1, 8192 / (pairs * 2 * panel))
    let factor = Vector(repeating: scale)
    for top in stride(from: 0, to: height, by: bandRows) {
      let band = top..<min(height, top + bandRows)
      for ky in 0..<shape.kernel {
        let rows = shape.outputs(reading: ky, of: shape.height, limit: height).clamped(to: band)
        for kx in 0..<shape.kernel {
          let tap = TapPairs(
            // Of row 0 of the output; it may lie above the image.
            image: image + (kx * shape.height + ky - shape.padding) * pairs * 2 * lanes,
            imageStep: shape.stride * pairs * 2 * lanes, gradient: gradient, rows: rows,
            pairs: pairs)
          let to = sum + (ky * shape.kernel + kx) * lanes * panel
          var channel = 0
          while channel < channels {
            let left = channels - channel
            let sums = to + channel * panel
            if left >= 6 && lanes == 16 {
              addTap(6, tap, channel, factor, sums)
              channel += 6
            } else if left == 3 {
              addTap(3, tap, channel, factor, sums)
              channel += 3
            } else {
              addTap(4, tap, channel, factor, sums)
              channel += 4
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private func addTap(
    _ channels: Int, _ tap: TapPairs, _ channel: Int, _ factor: Vector, _ to: Output
  ) {
    var sums = Accumulators()
    sums.read(channels, to)
    var products = Accumulators()
    let most = Int16Products.sumTiles / 2
    var left = most
    for y in tap.rows {
      var p = tap.image + y * tap.imageStep + 2 * channel
      var g = tap.gradient + y * tap.pairs * 2 * panel
      var pairs = tap.pairs
      while pairs > 0 {
        let run = min(left, pairs)
        for _ in 0..<run {
          products.addPairs(channels, p, 2, g)
          p += 2 * lanes
          g += 2 * panel
        }
        pairs -= run
        left -= run
        if left == 0 {
          sums.addInt32(channels, products, times: factor)
          products = Accumulators()
          left = most
        }
      }
    }
    sums.addInt32(channels, products, times: factor)
    sums.write(channels, to)
  }
}

/// What one tap of a filter multiplies.
private struct TapPairs {
  let image: UnsafePointer<Int16>
  /// From a row of the output to the next.
  let imageStep: Int
  let gradient: UnsafePointer<Int16>
  /// Of the output.
  let rows: Range<Int>
  let pairs: Int
}
