import CifarCore

extension LayerDecoder {
  static let quantize = LayerDecoder(LayerDescription.quantizeType) { options in
    .quantize(
      scale: try options.required("scale"), dtype: try options.word("dtype") ?? .uint8)
  }
}

extension LayerDescription {
  static let quantizeType = "quantize"

  static func quantize(_ scale: Double, _ dtype: LayerSpec.IntegerType) -> LayerDescription {
    LayerDescription(
      type: quantizeType,
      options: [
        Option(name: "scale", value: .number(scale)),
        Option(name: "dtype", value: .word(dtype.rawValue)),
      ],
      output: { input in
        // As a float32 it has an inverse, and so have products of a few of them.
        guard scale >= 1e-12, scale <= 1e12 else {
          throw CifarError(
            .invalidArgument, "scale \(scale) is not a number from 1e-12 to 1e12")
        }
        return input
      }, flops: { input, _ in input.count })
  }
}
