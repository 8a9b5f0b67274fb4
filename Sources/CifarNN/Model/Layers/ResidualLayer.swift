import CifarCore

extension LayerDecoder {
  static let residual = LayerDecoder("residual") { options in
    .residual(
      layers: try options.required("layers"), shortcut: try options.optional("shortcut") ?? [])
  }
}

extension LayerDescription {
  static func residual(_ layers: [LayerSpec], _ shortcut: [LayerSpec]) -> LayerDescription {
    LayerDescription(
      type: "residual",
      options: [
        Option(name: "layers", value: .layers(layers), isInShape: true),
        Option(name: "shortcut", value: .layers(shortcut), isInShape: true),
      ],
      resolved: { dialect in
        .residual(
          layers: layers.map { $0.resolved(for: dialect) },
          shortcut: shortcut.map { $0.resolved(for: dialect) })
      },
      // `LayerNode` follows its two branches.
      output: { _ in
        throw CifarError(.internal, "a residual block has the shape of its layers")
      },
      flops: { _, output in output.count })
  }
}
