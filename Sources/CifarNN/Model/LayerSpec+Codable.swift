import CifarCore

/// In JSON a layer is an object whose `type` names it and whose other keys are its options, for
/// example `{"type": "conv2d", "filters": 32, "kernel_size": 3}`. Options that are left out have
/// the defaults of `LayerSpec`, or stay nil; what is not an option of the layer is an error.
extension LayerSpec: Codable {
  private static let type = AnyKey(stringValue: "type")

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: AnyKey.self)
    let type = try values.decode(String.self, forKey: LayerSpec.type)
    guard let kind = LayerSpec.decoders.first(where: { $0.types.contains(type) }) else {
      throw DecodingError.dataCorruptedError(
        forKey: LayerSpec.type, in: values,
        debugDescription: "is the unknown layer type '\(type.excerpt)'; use "
          + LayerSpec.types.dropLast().joined(separator: ", ") + " or residual")
    }
    var options = LayerOptionReader(values)
    self = try kind.decode(&options)
    try AnyKey.refuse(decoder, type, besides: options.known, andAlso: "type")
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: AnyKey.self)
    try values.encode(type, forKey: LayerSpec.type)
    for option in description.options {
      try values.encodeIfPresent(option.value, forKey: AnyKey(stringValue: option.name))
    }
  }
}

extension AnyKey {
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
      debugDescription: "is no option of \(owner); \(choice)")
  }
}
