import CifarCore

/// In JSON a layer is an object whose `type` names it and whose other keys are its options, for
/// example `{"type": "conv2d", "filters": 32, "kernel_size": 3}`. Options that are left out have
/// the defaults of `LayerSpec`, or stay nil; what is not an option of the layer is an error.
extension LayerSpec: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case type, filters, stride, padding, momentum, epsilon, unbiased, rate, units, layers, shortcut
    case kernelSize = "kernel_size"
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let type = try values.decode(String.self, forKey: .type)
    let options: [Key]
    switch type {
    case "conv2d":
      options = [.filters, .kernelSize, .stride, .padding]
      self = .conv2d(
        filters: try values.decode(Int.self, forKey: .filters),
        kernelSize: try values.decodeIfPresent(Int.self, forKey: .kernelSize) ?? 3,
        stride: try values.decodeIfPresent(Int.self, forKey: .stride) ?? 1,
        padding: try LayerSpec.padding(in: values))
    case "batch_norm":
      options = [.momentum, .epsilon, .unbiased]
      self = .batchNorm(
        momentum: try values.decodeIfPresent(Double.self, forKey: .momentum),
        epsilon: try values.decodeIfPresent(Double.self, forKey: .epsilon),
        unbiased: try values.decodeIfPresent(Bool.self, forKey: .unbiased))
    case "dropout":
      options = [.rate]
      self = .dropout(rate: try values.decode(Double.self, forKey: .rate))
    case "dense":
      options = [.units]
      self = .dense(units: try values.decode(Int.self, forKey: .units))
    case "residual":
      options = [.layers, .shortcut]
      self = .residual(
        layers: try values.decode([LayerSpec].self, forKey: .layers),
        shortcut: try values.decodeIfPresent([LayerSpec].self, forKey: .shortcut) ?? [])
    default:
      options = []
      guard let plain = LayerSpec.plain[type] else {
        throw DecodingError.dataCorruptedError(
          forKey: .type, in: values,
          debugDescription: "unknown layer type '\(type.excerpt)'; use "
            + LayerSpec.types.dropLast().joined(separator: ", ") + " or residual")
      }
      self = plain
    }
    try AnyKey.refuse(decoder, type, besides: options.map(\.rawValue), andAlso: "type")
  }

  private static func padding(in values: KeyedDecodingContainer<Key>) throws -> Padding? {
    guard let name = try values.decodeIfPresent(String.self, forKey: .padding) else { return nil }
    guard let padding = Padding(rawValue: name) else {
      throw DecodingError.dataCorruptedError(
        forKey: .padding, in: values,
        debugDescription: "'\(name)' is none of "
          + Padding.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return padding
  }

  /// Layers without options. Registries and checkpoints have `max_pool2d` from before pooling had
  /// one more kind.
  private static let plain: [String: LayerSpec] = [
    "relu": .relu, "max_pool": .maxPool, "max_pool2d": .maxPool, "avg_pool": .avgPool,
    "global_average_pool": .globalAveragePool, "flatten": .flatten,
  ]

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(type, forKey: .type)
    switch self {
    case .conv2d(let filters, let kernelSize, let stride, let padding):
      try values.encode(filters, forKey: .filters)
      try values.encode(kernelSize, forKey: .kernelSize)
      try values.encode(stride, forKey: .stride)
      try values.encodeIfPresent(padding, forKey: .padding)
    case .batchNorm(let momentum, let epsilon, let unbiased):
      try values.encodeIfPresent(momentum, forKey: .momentum)
      try values.encodeIfPresent(epsilon, forKey: .epsilon)
      try values.encodeIfPresent(unbiased, forKey: .unbiased)
    case .dropout(let rate): try values.encode(rate, forKey: .rate)
    case .dense(let units): try values.encode(units, forKey: .units)
    case .residual(let layers, let shortcut):
      try values.encode(layers, forKey: .layers)
      try values.encode(shortcut, forKey: .shortcut)
    case .relu, .maxPool, .avgPool, .globalAveragePool, .flatten: break
    }
  }
}

/// Any key of a JSON object.
struct AnyKey: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }

  /// A misspelt option would otherwise have its default in silence.
  ///
  /// - Parameters:
  ///   - owner: what errors call the object.
  ///   - silent: a key that is no option.
  static func refuse(
    _ decoder: any Decoder, _ owner: String, besides options: [String],
    andAlso silent: String? = nil
  ) throws {
    let values = try decoder.container(keyedBy: AnyKey.self)
    let strangers = values.allKeys.filter {
      !options.contains($0.stringValue) && $0.stringValue != silent
    }
    guard let stranger = strangers.min(by: { $0.stringValue < $1.stringValue }) else { return }
    let choice = options.isEmpty ? "it has none" : "use " + options.joined(separator: ", ")
    throw DecodingError.dataCorruptedError(
      forKey: stranger, in: values,
      debugDescription: "\(owner) has no option '\(stranger.stringValue.excerpt)'; \(choice)")
  }
}
