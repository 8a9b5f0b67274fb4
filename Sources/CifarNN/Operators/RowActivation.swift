import CifarCore
import Kernels

/// ReLU and dropout on flat values that no dense layer stands before.
final class RowActivation: Operator {
  private let input: Activation
  private let output: Activation
  private let context: OperatorContext
  private let relu: Bool
  private let dropout: Dropout?
  /// (N, F)
  private let mask: AlignedBuffer<UInt8>
  private let zeros: AlignedBuffer<Float>

  init(
    _ group: RowActivationGroup, input: Activation, output: Activation, context: OperatorContext
  ) throws {
    self.input = input
    self.output = output
    self.context = context
    relu = group.relu != nil
    dropout = group.dropout.flatMap { Dropout($0) }
    mask = try AlignedBuffer(
      count: dropout != nil && context.training ? context.batchSize * output.stride : 0)
    zeros = try AlignedBuffer(count: output.stride)
  }

  func forward(_ pass: Pass) {
    let count = output.stride
    output.values.update(from: input.values, count: pass.count * count)
    for row in 0..<pass.count {
      let values = output.values + row * count
      if relu {
        context.kernels.addBias(values, count: count, bias: zeros.pointer, relu: true)
      }
      if let dropout, pass.training {
        context.kernels.dropout(
          values, count: count, mask: mask.pointer + row * count,
          draw: dropout.draw(
            pass, run: pass.images.first + row, of: count, lanes: context.kernels.lanes),
          scale: dropout.scale)
      }
    }
  }

  func backward(_ pass: Pass) {
    guard let gradient = output.gradient, let inputGradient = input.gradient else { return }
    let count = pass.count * output.stride
    inputGradient.update(from: gradient, count: count)
    if let dropout {
      context.kernels.applyMask(
        inputGradient, count: count, mask: mask.pointer, scale: dropout.scale)
    }
    if relu {
      context.kernels.reluBackward(
        output: Values(output.values), count: count, gradient: inputGradient)
    }
  }
}
