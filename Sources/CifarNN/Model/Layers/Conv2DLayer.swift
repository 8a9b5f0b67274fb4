import CifarCore

extension LayerDecoder {
  static let conv2d = LayerDecoder("conv2d") { options in
    .conv2d(
      filters: try options.required("filters"),
      kernelSize: try options.optional("kernel_size") ?? 3,
      stride: try options.optional("stride") ?? 1, padding: try options.word("padding"),
      bias: try options.optional("bias") ?? true, initializer: try options.word("initializer"),
      trainable: try options.optional("trainable") ?? true,
      quantized: try options.optional("quantized") ?? false)
  }
}

extension LayerDescription {
  static func conv2d(
    _ filters: Int, _ kernel: Int, _ stride: Int, _ padding: LayerSpec.Padding?, _ bias: Bool,
    _ initializer: LayerSpec.Initializer?, _ trainable: Bool, _ quantized: Bool
  ) -> LayerDescription {
    LayerDescription(
      type: "conv2d",
      options: [
        Option(name: "filters", value: .integer(filters), isInShape: true),
        Option(name: "kernel_size", value: .integer(kernel)),
        Option(name: "stride", value: .integer(stride)),
        Option(name: "padding", value: padding.map { .word($0.rawValue) }),
      ] + (bias ? [] : [Option(name: "bias", value: .flag(false))])
        + (initializer.map { [Option(name: "initializer", value: .word($0.rawValue))] } ?? [])
        + Option.trainable(trainable) + Option.quantized(quantized),
      resolved: { dialect in
        .conv2d(
          filters: filters, kernelSize: kernel, stride: stride,
          padding: padding ?? dialect.padding(stride: stride), bias: bias,
          initializer: initializer, trainable: trainable, quantized: quantized)
      },
      // Whichever dialect decides what is left out, the output has the same shape.
      output: { input in
        let output = try convolved(input, filters, kernel, stride, padding ?? .same)
        try initializer?.check(filters: filters, inputs: input.channels * kernel * kernel)
        return output
      },
      parameters: { input in
        [("weight", [filters, input.channels, kernel, kernel])]
          + (bias ? [("bias", [filters])] : [])
      },
      statistics: { _ in quantized ? [("weight_scale", [filters])] : [] },
      flops: { input, output in
        output.count * (2 * input.channels * kernel * kernel + (bias ? 1 : 0))
      })
  }

  private static func convolved(
    _ input: ValueShape, _ filters: Int, _ kernel: Int, _ stride: Int,
    _ padding: LayerSpec.Padding
  ) throws -> ValueShape {
    let (_, height, width) = try image(input)
    try check(filters, 1...4096, "filters")
    guard [1, 2, 3, 5].contains(kernel) else {
      throw CifarError(.invalidArgument, "kernel_size \(kernel) is not 1, 2, 3 or 5")
    }
    try check(stride, 1...2, "stride")
    let rows = padding.amounts(size: height, kernel: kernel, stride: stride)
    let columns = padding.amounts(size: width, kernel: kernel, stride: stride)
    guard rows == columns else {
      throw CifarError(
        .unsupported, "same_upper pads the rows and columns of \(input) differently")
    }
    let margin = rows.before + rows.after
    guard height + margin >= kernel, width + margin >= kernel else {
      throw CifarError(
        .shapeMismatch, "a \(kernel)×\(kernel) filter does not fit into \(input)")
    }
    return .image(
      channels: filters, height: (height + margin - kernel) / stride + 1,
      width: (width + margin - kernel) / stride + 1)
  }
}
