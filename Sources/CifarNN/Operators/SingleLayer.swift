import CifarCore

/// The operator of a layer by itself, which shares no pass over memory with others.
protocol SingleLayer: Operator {
  /// What its threads need while they compute.
  static func scratch(_ node: LayerNode, _ target: PlanTarget) -> ScratchSize

  init(
    _ node: LayerNode, input: Activation, output: Activation, context: OperatorContext) throws
}

extension LayerNode {
  /// - Throws: `internal` for a layer that is fused with others.
  func singleLayer() throws -> any SingleLayer.Type {
    switch spec {
    case .gelu: Gelu.self
    case .avgPool: AveragePool.self
    case .globalAveragePool: GlobalAveragePool.self
    case .maxPool: MaxPool.self
    case .globalMaxPool: GlobalMaxPool.self
    case .scale: Scale.self
    case .flatten: Flatten.self
    case .batchNorm: RowNormalization.self
    case .quantize: Quantize.self
    case .conv2d, .relu, .dropout, .dense, .residual:
      throw CifarError(.internal, "layer \(label) is no operator of its own")
    }
  }
}
