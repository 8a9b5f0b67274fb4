import CifarCore

extension LayerDecoder {
  static let dense = LayerDecoder("dense") { .dense(units: try $0.required("units")) }
}

extension LayerDescription {
  static func dense(_ units: Int) -> LayerDescription {
    LayerDescription(
      type: "dense",
      options: [Option(name: "units", value: .integer(units), isInShape: true)],
      output: { input in
        guard case .flat = input else {
          throw CifarError(
            .shapeMismatch,
            "takes flat values, not \(input): put a flatten or global_average_pool before it")
        }
        try check(units, 1...65536, "units")
        return .flat(units)
      },
      parameters: { [("weight", [units, $0.count]), ("bias", [units])] },
      flops: { input, _ in units * (2 * input.count + 1) })
  }
}
