import CifarCore
import Kernels

/// y = scale·q, q = x/scale rounded to nearest and kept within a range, on images and on rows.
final class Quantize: SingleLayer {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let path: String
  private let scale: Float
  private let range: ClosedRange<Float>

  init(
    _ node: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    guard case .quantize(let scale, let dtype) = node.spec else {
      throw CifarError(.internal, "layer \(node.label) is no quantize")
    }
    self.scale = Float(scale)
    range = Float(dtype.range.lowerBound)...Float(dtype.range.upperBound)
    path = node.path
    self.input = input
    self.output = output
    self.context = context
  }

  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize { ScratchSize() }

  func forward(_ pass: Pass) {
    let size = input.stride
    if let observer = context.observer {
      let count = pass.count * size
      observer.observe(path, UnsafeBufferPointer(start: input.values, count: count))
      return output.values.update(from: input.values, count: count)
    }
    context.pool.forEach(pass.count) { image, _ in
      context.kernels.quantize(
        input.values + image * size, count: size, scale: scale, range: range,
        output: output.values + image * size)
    }
  }

  /// No plan for training has one.
  func backward(_ pass: Pass) {}
}

/// Images come in as bytes: `Plan` rounds them where it blocks them.
final class QuantizedInput: Operator {
  func forward(_ pass: Pass) {}

  func backward(_ pass: Pass) {}
}
