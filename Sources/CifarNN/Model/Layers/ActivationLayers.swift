import CifarCore

extension LayerDecoder {
  static let relu = LayerDecoder("relu") { _ in .relu }
  static let gelu = LayerDecoder("gelu") { _ in .gelu }
  static let scale = LayerDecoder("scale") { .scale(factor: try $0.required("factor")) }
  static let dropout = LayerDecoder("dropout") { .dropout(rate: try $0.required("rate")) }
  static let flatten = LayerDecoder("flatten") { _ in .flatten }
}

extension LayerDescription {
  static var relu: LayerDescription {
    LayerDescription(
      type: "relu", output: { $0 }, flops: { input, _ in input.count })
  }

  static var gelu: LayerDescription {
    LayerDescription(
      type: "gelu", output: { $0 }, flops: { input, _ in input.count })
  }

  static func scale(_ factor: Double) -> LayerDescription {
    LayerDescription(
      type: "scale", options: [Option(name: "factor", value: .number(factor))],
      output: { input in
        guard factor != 0 else {
          throw CifarError(.invalidArgument, "factor \(factor) is not a number other than 0")
        }
        try check(factor, .finite, "factor")
        return input
      }, flops: { input, _ in input.count })
  }

  static func dropout(_ rate: Double) -> LayerDescription {
    LayerDescription(
      type: "dropout", options: [Option(name: "rate", value: .number(rate))],
      output: { input in
        try check(rate, .from(0, below: 1), "rate")
        return input
      })
  }

  static var flatten: LayerDescription {
    LayerDescription(
      type: "flatten", output: { .flat($0.count) })
  }
}
