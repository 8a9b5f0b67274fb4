import CifarCore

extension LayerDecoder {
  /// Registries and checkpoints have `max_pool2d` from before pooling had one more kind.
  static let maxPool = LayerDecoder("max_pool", "max_pool2d") {
    .maxPool(size: try $0.optional("size") ?? 2)
  }
  static let avgPool = LayerDecoder("avg_pool") { _ in .avgPool }
  static let globalAveragePool = LayerDecoder("global_average_pool") { _ in .globalAveragePool }
  static let globalMaxPool = LayerDecoder("global_max_pool") { _ in .globalMaxPool }
}

extension LayerDescription {
  static func maxPool(_ size: Int) -> LayerDescription {
    LayerDescription(
      type: "max_pool",
      options: size == 2 ? [] : [Option(name: "size", value: .integer(size))],
      output: { input in
        try check(size, 2...8, "size")
        return try pooled(input, size)
      }, flops: { input, _ in input.count })
  }

  static var avgPool: LayerDescription {
    LayerDescription(
      type: "avg_pool", output: { try pooled($0, 2) }, flops: { input, _ in input.count })
  }

  static var globalAveragePool: LayerDescription {
    LayerDescription(
      type: "global_average_pool", output: { .flat(try image($0).channels) },
      flops: { input, _ in input.count })
  }

  static var globalMaxPool: LayerDescription {
    LayerDescription(
      type: "global_max_pool", output: { .flat(try image($0).channels) },
      flops: { input, _ in input.count })
  }

  /// Either side divided by `size`.
  private static func pooled(_ input: ValueShape, _ size: Int) throws -> ValueShape {
    let (channels, height, width) = try image(input)
    guard height >= size, width >= size else {
      throw CifarError(.shapeMismatch, "\(input) is too small to pool \(size)×\(size)")
    }
    return .image(channels: channels, height: height / size, width: width / size)
  }
}
