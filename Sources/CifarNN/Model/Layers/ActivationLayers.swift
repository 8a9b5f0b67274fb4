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
        guard factor != 0, Float(factor).isFinite else {
          throw CifarError(.invalidArgument, "factor \(factor) is not a finite number other than 0")
        }
        if let fault = NumberRange.underflow(factor) {
          throw CifarError(.invalidArgument, "factor \(fault)")
        }
        return input
      }, flops: { input, _ in input.count })
  }

  static func dropout(_ rate: Double) -> LayerDescription {
    LayerDescription(
      type: "dropout", options: [Option(name: "rate", value: .number(rate))],
      output: { input in
        guard rate >= 0, rate < 1 else {
          throw CifarError(.invalidArgument, "rate \(rate) is not in [0, 1)")
        }
        return input
      })
  }

  static var flatten: LayerDescription {
    LayerDescription(
      type: "flatten", output: { .flat($0.count) })
  }
}
