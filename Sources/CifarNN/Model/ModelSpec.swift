import CifarCore

/// A model as a list of layers, the way it is stored with a run.
public struct ModelSpec: Codable, Equatable, Sendable {
  /// Channels, height and width of one image. What a `ModelBuilder` makes for a residual block may
  /// begin with flat values, one number then.
  public var input: [Int]
  public var layers: [LayerSpec]

  public init(input: [Int] = [3, 32, 32], layers: [LayerSpec]) {
    self.input = input
    self.layers = layers
  }

  private enum CodingKeys: String, CodingKey { case input, layers }

  public init(from decoder: any Decoder) throws {
    try AnyKey.refuse(decoder, "the model", besides: ["input", "layers"])
    let values = try decoder.container(keyedBy: CodingKeys.self)
    input = try values.decodeIfPresent([Int].self, forKey: .input) ?? [3, 32, 32]
    layers = try values.decode([LayerSpec].self, forKey: .layers)
  }

  /// What one image is after each layer; the first is the input itself.
  ///
  /// - Throws: `shapeMismatch` or `invalidArgument`, naming the layer by its place and type.
  public func shapes() throws -> [ValueShape] {
    let nodes = try nodes()
    return [nodes[0].input] + nodes.map(\.output)
  }

  /// The layers with their places and shapes; there is at least one.
  ///
  /// - Throws: as `shapes`.
  public func nodes() throws -> [LayerNode] {
    guard input.count == 3 else { throw wrongInput }
    let nodes = try chain()
    guard !layers.isEmpty else { throw CifarError(.invalidArgument, "the model has no layers") }
    for node in nodes.flatMap(\.all) where node.path != "0" {
      guard case .conv2d(_, _, _, _, _, .whitening, _, _) = node.spec else { continue }
      throw CifarError(
        .invalidArgument,
        "layer \(node.path) (\(node.spec.type)): whitening is of the images, and for the first layer"
      )
    }
    guard let last = nodes.last, case .flat(let classes) = last.output, case .dense = last.spec,
      (2...1000).contains(classes)
    else {
      throw CifarError(
        .shapeMismatch,
        "the last layer (\(layers[layers.count - 1].type)) must be a dense layer with 2 to 1000 "
          + "units, one a class; it gives \(nodes[nodes.count - 1].output)")
    }
    return nodes
  }

  /// The layers of a spec that need not be complete: there may be none, and any may be the last.
  func chain() throws -> [LayerNode] {
    var number = 0
    return try LayerNode.chain(
      layers, from: try inputShape(), path: "", depth: 0, number: &number)
  }

  /// - Throws: `invalidArgument`.
  func inputShape() throws -> ValueShape {
    if input.count == 1, (1...ValueShape.mostFlat).contains(input[0]) { return .flat(input[0]) }
    guard input.count == 3, (1...4096).contains(input[0]),
      input[1...].allSatisfy({ (1...1024).contains($0) })
    else { throw wrongInput }
    return .image(channels: input[0], height: input[1], width: input[2])
  }

  private var wrongInput: CifarError {
    CifarError(
      .invalidArgument,
      "model input \(input) is not [channels, height, width] of at most [4096, 1024, 1024]")
  }

  /// Whether any of its layers is quantized: such a model is for inference.
  public var isQuantized: Bool { ModelSpec.anyIsQuantized(layers) }

  /// - Throws: `unsupported` for a quantized model.
  public func requireTrainable() throws {
    guard isQuantized else { return }
    throw CifarError(
      .unsupported,
      "the model is quantized, and can't be trained: train the one that it was made from, and "
        + "quantize that")
  }

  private static func anyIsQuantized(_ layers: [LayerSpec]) -> Bool {
    layers.contains { layer in
      if case .residual(let inner, let shortcut) = layer {
        return anyIsQuantized(inner) || anyIsQuantized(shortcut)
      }
      return layer.isQuantized
    }
  }

  /// The number of classes: the units of the last layer.
  public var classes: Int {
    guard case .dense(let units, _, _, _)? = layers.last else { return 0 }
    return units
  }
}

/// The shape of one image's values between two layers.
public enum ValueShape: Equatable, Sendable, CustomStringConvertible {
  case image(channels: Int, height: Int, width: Int)
  case flat(Int)

  /// The size of the largest image that a convolution makes, flattened.
  static let mostFlat = 4096 << 20

  /// Numbers in it.
  public var count: Int {
    switch self {
    case .image(let channels, let height, let width): channels * height * width
    case .flat(let count): count
    }
  }

  /// What a batch normalisation has a mean of: the channels of an image, the values of a row.
  public var channels: Int {
    switch self {
    case .image(let channels, _, _): channels
    case .flat(let count): count
    }
  }

  public var description: String {
    switch self {
    case .image(let channels, let height, let width): "(\(channels), \(height), \(width))"
    case .flat(let count): "(\(count))"
    }
  }
}
