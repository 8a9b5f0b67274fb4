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
    for weight in 0..<weights {
      let kx = weight % k
      let ky = weight / k % k
      let input = weight / (k * k) % shape.inputChannels
      let output = weight / (k * k * shape.inputChannels)
      let columns = (0..<shape.outputWidth).filter {
        (0..<shape.width).contains($0 * shape.stride + kx - shape.padding)
      }
      guard let first = columns.first else { continue }
      for y in 0..<shape.outputHeight {
        let row = y * shape.stride + ky - shape.padding
        guard row >= 0, row < shape.height else { continue }
        for image in 0..<images {
          let inputPlane = (image * shape.inputChannels + input) * shape.height
          let outputPlane = (image * shape.outputChannels + output) * shape.outputHeight
          body(
            weight,
            (inputPlane + row) * shape.width + first * shape.stride + kx - shape.padding,
            (outputPlane + y) * shape.outputWidth + first, columns.count)
        }
      }
    }
  }
}
