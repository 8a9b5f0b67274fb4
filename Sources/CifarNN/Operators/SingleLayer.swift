import CifarCore

/// Layers that are an operator each and share no pass over memory with others.
enum SingleLayer {
  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize {
    switch node.spec {
    case .gelu: Gelu.scratch(node.input, target)
    case .avgPool: AveragePool.scratch(node.input, target)
    case .globalAveragePool: GlobalAveragePool.scratch(node.input, target)
    case .flatten: Flatten.scratch(node.input, target)
    case .batchNorm: RowNormalization.scratch(target)
    default: ScratchSize()
    }
  }

  /// - Throws: `internal` for a layer that is fused with others, `outOfMemory`.
  static func make(
    _ node: LayerNode, input: Activation, output: Activation, context: OperatorContext
  ) throws -> any Operator {
    switch node.spec {
    case .gelu: Gelu(input: input, output: output, context: context)
    case .avgPool: try AveragePool(input: input, output: output, context: context)
    case .globalAveragePool:
      try GlobalAveragePool(input: input, output: output, context: context)
    case .flatten: try Flatten(input: input, output: output, context: context)
    case .batchNorm: try RowNormalization(node, input: input, output: output, context: context)
    default: throw CifarError(.internal, "layer \(node.label) is no operator of its own")
    }
  }
}
