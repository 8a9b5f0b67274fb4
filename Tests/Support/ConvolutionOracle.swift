import Kernels

/// Convolution in double, as its definition says. Images are (N, C, H, W), filters (O, I, k, k).
///
/// The innermost loops are `while` over pointers: without optimisation everything else takes tens
/// of times as long.
public struct ConvolutionOracle {
  public let shape: ConvolutionShape
  public let images: Int

  public init(_ shape: ConvolutionShape, images: Int) {
    self.shape = shape
    self.images = images
  }

  /// y[n, o, y, x] = b[o] + Σ x[n, i, y·s + ky − p, x·s + kx − p] · w[o, i, ky, kx]
  public func forward(_ x: [Double], _ w: [Double], bias: [Double]? = nil) -> [Double] {
    var result = [Double](repeating: 0, count: images * shape.outputChannels * outputPixels)
    if let bias {
      for i in result.indices { result[i] = bias[i / outputPixels % shape.outputChannels] }
    }
    x.withUnsafeBufferPointer { x in
      result.withUnsafeMutableBufferPointer { y in
        overRows(w.count) { tap, input, output, count in
          let weight = w[tap]
          let from = x.baseAddress! + input
          let to = y.baseAddress! + output
          var i = 0
          while i < count {
            to[i] += weight * from[i * shape.stride]
            i += 1
          }
        }
      }
    }
    return result
  }

  /// The gradient of Σ dy·y with respect to x.
  public func backwardData(_ dy: [Double], _ w: [Double]) -> [Double] {
    var result = [Double](
      repeating: 0, count: images * shape.inputChannels * shape.height * shape.width)
    dy.withUnsafeBufferPointer { dy in
      result.withUnsafeMutableBufferPointer { dx in
        overRows(w.count) { tap, input, output, count in
          let weight = w[tap]
          let from = dy.baseAddress! + output
          let to = dx.baseAddress! + input
          var i = 0
          while i < count {
            to[i * shape.stride] += weight * from[i]
            i += 1
          }
        }
      }
    }
    return result
  }

  /// The gradient of Σ dy·y with respect to w.
  public func backwardWeights(_ x: [Double], _ dy: [Double]) -> [Double] {
    let taps = shape.kernel * shape.kernel
    var result = [Double](repeating: 0, count: shape.outputChannels * shape.inputChannels * taps)
    x.withUnsafeBufferPointer { x in
      dy.withUnsafeBufferPointer { dy in
        overRows(result.count) { tap, input, output, count in
          let one = x.baseAddress! + input
          let other = dy.baseAddress! + output
          var sum = 0.0
          var i = 0
          while i < count {
            sum += one[i * shape.stride] * other[i]
            i += 1
          }
          result[tap] += sum
        }
      }
    }
    return result
  }

  private var outputPixels: Int { shape.outputHeight * shape.outputWidth }

  /// Calls `body` for each weight and each row of outputs that it reaches, with the places of the
  /// weight, of the first input and of the first output, and the number of outputs.
  private func overRows(
    _ weights: Int, _ body: (_ weight: Int, _ input: Int, _ output: Int, _ count: Int) -> Void
  ) {
    let k = shape.kernel
    let rows = (0..<k).map { reached($0, inputs: shape.height, outputs: shape.outputHeight) }
    let columns = (0..<k).map { reached($0, inputs: shape.width, outputs: shape.outputWidth) }
    var weight = 0
    while weight < weights {
      let (kx, ky) = (weight % k, weight / k % k)
      let input = weight / (k * k) % shape.inputChannels
      let output = weight / (k * k * shape.inputChannels)
      let x = columns[kx].lowerBound
      let count = columns[kx].count
      for y in rows[ky] where count > 0 {
        let row = y * shape.stride + ky - shape.padding
        var image = 0
        while image < images {
          let inputPlane = (image * shape.inputChannels + input) * shape.height
          let outputPlane = (image * shape.outputChannels + output) * shape.outputHeight
          body(
            weight, (inputPlane + row) * shape.width + x * shape.stride + kx - shape.padding,
            (outputPlane + y) * shape.outputWidth + x, count)
          image += 1
        }
      }
      weight += 1
    }
  }

  /// The outputs for which tap `tap` lies on the input, tried one by one.
  private func reached(_ tap: Int, inputs: Int, outputs: Int) -> Range<Int> {
    let reached = (0..<outputs).filter {
      (0..<inputs).contains($0 * shape.stride + tap - shape.padding)
    }
    guard let first = reached.first, let last = reached.last else { return 0..<0 }
    return first..<(last + 1)
  }
}
