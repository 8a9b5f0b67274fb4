import CifarCore

extension LayerDecoder {
  static let dense = LayerDecoder("dense") {
    .dense(
      units: try $0.required("units"), bias: try $0.optional("bias") ?? true,
      trainable: try $0.optional("trainable") ?? true,
      quantized: try $0.optional("quantized") ?? false)
  }
}

extension LayerDescription {
  static func dense(
    _ units: Int, _ bias: Bool, _ trainable: Bool, _ quantized: Bool
  ) -> LayerDescription {
    LayerDescription(
      type: "dense",
      options: [Option(name: "units", value: .integer(units), isInShape: true)]
        + (bias ? [] : [Option(name: "bias", value: .flag(false))]) + Option.trainable(trainable)
        + Option.quantized(quantized),
      output: { input in
        guard case .flat = input else {
          throw CifarError(
            .shapeMismatch,
            "takes flat values, not \(input): put a flatten or global_average_pool before it")
        }
        try check(units, 1...65536, "units")
        return .flat(units)
      },
      parameters: { [("weight", [units, $0.count])] + (bias ? [("bias", [units])] : []) },
      statistics: { _ in quantized ? [("weight_scale", [units])] : [] },
      flops: { input, _ in units * (2 * input.count + (bias ? 1 : 0)) })
  }
}
