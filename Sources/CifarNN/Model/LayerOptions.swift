/// An option's value, as `summary` writes it.
public enum LayerOption: Equatable, Sendable, Encodable, CustomStringConvertible {
  case integer(Int)
  case number(Double)
  case flag(Bool)
  case word(String)

  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .flag(let value): "\(value)"
    case .word(let value): value
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .flag(let value): try container.encode(value)
    case .word(let value): try container.encode(value)
    }
  }
}

extension LayerSpec {
  /// The layer's options that its output's shape does not tell, by their names in JSON; nil is what
  /// the dialect decides.
  var options: [(name: String, value: LayerOption?)] {
    switch self {
    case .conv2d(_, let kernelSize, let stride, let padding):
      [
        ("kernel_size", .integer(kernelSize)), ("stride", .integer(stride)),
        ("padding", padding.map { .word($0.rawValue) }),
      ]
    case .batchNorm(let momentum, let epsilon, let unbiased):
      [
        ("momentum", momentum.map(LayerOption.number)),
        ("epsilon", epsilon.map(LayerOption.number)), ("unbiased", unbiased.map(LayerOption.flag)),
      ]
    case .dropout(let rate): [("rate", .number(rate))]
    case .relu, .maxPool, .avgPool, .globalAveragePool, .flatten, .dense, .residual: []
    }
  }

  /// `momentum 0.1, rest by dialect`
  var optionText: String {
    var words = options.compactMap { option in option.value.map { "\(option.name) \($0)" } }
    let open = options.count - words.count
    if open > 0 { words.append(words.isEmpty ? "by dialect" : "rest by dialect") }
    return words.joined(separator: ", ")
  }
}
