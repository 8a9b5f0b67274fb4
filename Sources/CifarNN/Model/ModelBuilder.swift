import CifarCore

/// A model that is written down layer by layer, each checked when it is added.
public struct ModelBuilder: Sendable {
  public private(set) var spec: ModelSpec
  private var nodes: [LayerNode]
  private let input: ValueShape

  /// - Parameter spec: what is there already; it need not be complete.
  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the layer by its place and type.
  public init(_ spec: ModelSpec = ModelSpec(layers: [])) throws {
    self.spec = spec
    nodes = try spec.chain()
    input = try spec.inputShape()
  }

  /// What the layers so far make of one image.
  public var output: ValueShape { nodes.last?.output ?? input }

  /// Adds a layer after the others.
  ///
  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the layer, what is wrong with it and the
  ///   shapes, `outOfMemory`; the model is then as it was.
  public mutating func add(_ layer: LayerSpec) throws {
    try MemoryNeed.checkReserve()
    var number = layerCount
    nodes += try LayerNode.chain(
      [layer], from: output, path: "", depth: 0, number: &number, after: nodes.count)
    spec.layers.append(layer)
  }

  /// Takes images of another shape; the layers stay.
  ///
  /// - Throws: `shapeMismatch`, naming the layer that does not fit any more; the model is then as it
  ///   was.
  public mutating func setInput(_ shape: ImageShape) throws {
    self = try ModelBuilder(ModelSpec(input: shape.dimensions, layers: spec.layers))
  }

  /// An empty model that begins where this one stands: the layers or the shortcut of a residual
  /// block that is to be added.
  public func branch() throws -> ModelBuilder {
    let start: [Int] =
      switch output {
      case .image(let channels, let height, let width): [channels, height, width]
      case .flat(let count): [count]
      }
    return try ModelBuilder(ModelSpec(input: start, layers: []))
  }

  /// Layers in all, those inside residual blocks counted.
  public var layerCount: Int { nodes.reduce(0) { $0 + $1.all.count } }

  public var summary: ModelSummary { ModelSummary(nodes, input: input) }
}
