extension LayerDecoder {
  /// Registries and checkpoints have `max_pool2d` from before pooling had one more kind.
  static let maxPool = LayerDecoder("max_pool", "max_pool2d") { _ in .maxPool }
  static let avgPool = LayerDecoder("avg_pool") { _ in .avgPool }
  static let globalAveragePool = LayerDecoder("global_average_pool") { _ in .globalAveragePool }
}

extension LayerDescription {
  static var maxPool: LayerDescription {
    LayerDescription(
      type: "max_pool", output: halved, flops: { input, _ in input.count })
  }

  static var avgPool: LayerDescription {
    LayerDescription(
      type: "avg_pool", output: halved, flops: { input, _ in input.count })
  }

  static var globalAveragePool: LayerDescription {
    LayerDescription(
      type: "global_average_pool", output: { .flat(try image($0).channels) },
      flops: { input, _ in input.count })
  }
}
