import CifarCore

extension LayerDecoder {
  static let batchNorm = LayerDecoder("batch_norm") { options in
    .batchNorm(
      momentum: try options.optional("momentum"), epsilon: try options.optional("epsilon"),
      unbiased: try options.optional("unbiased"), scale: try options.optional("scale") ?? true,
      trainable: try options.optional("trainable") ?? true)
  }
}

extension LayerDescription {
  static func batchNorm(
    _ momentum: Double?, _ epsilon: Double?, _ unbiased: Bool?, _ scale: Bool,
    _ trainable: Bool
  ) -> LayerDescription {
    LayerDescription(
      type: "batch_norm",
      options: [
        Option(name: "momentum", value: momentum.map(LayerOption.number)),
        Option(name: "epsilon", value: epsilon.map(LayerOption.number)),
        Option(name: "unbiased", value: unbiased.map(LayerOption.flag)),
      ] + (scale ? [] : [Option(name: "scale", value: .flag(false))]) + Option.trainable(trainable),
      resolved: { dialect in
        .batchNorm(
          momentum: momentum ?? dialect.batchNormMomentum,
          epsilon: epsilon ?? dialect.batchNormEpsilon,
          unbiased: unbiased ?? dialect.batchNormUnbiased, scale: scale, trainable: trainable)
      },
      output: { input in
        if let momentum { try check(momentum, .above(0, to: 1), "momentum") }
        if let epsilon { try check(epsilon, .above(0), "epsilon") }
        return input
      },
      parameters: { input in
        (scale ? [("weight", [input.channels])] : []) + [("bias", [input.channels])]
      },
      statistics: { [("running_mean", [$0.channels]), ("running_var", [$0.channels])] },
      flops: { input, _ in 2 * input.count })
  }
}
