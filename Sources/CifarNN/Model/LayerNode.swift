import CifarCore

/// A layer where it stands in a model: its place, its shapes, and the layers inside it.
public struct LayerNode: Equatable, Sendable {
  /// `3`, or `3.layers.0` and `3.shortcut.0` inside a residual block: the layer's name in PyTorch
  /// if the block is a module with an `nn.Sequential` called `layers` and one called `shortcut`.
  public let path: String
  /// Its place in the order in which the model is written down, inner layers counted.
  public let number: Int
  public let spec: LayerSpec
  public let input: ValueShape
  public let output: ValueShape
  /// A residual block's two ways; else empty.
  public private(set) var layers: [LayerNode]
  public private(set) var shortcut: [LayerNode]
  /// Whether its parameters stay as they are in training, all of them.
  public private(set) var isFrozen: Bool

  /// This layer and all inside it, in the order of their numbers.
  public var all: [LayerNode] { [self] + layers.flatMap(\.all) + shortcut.flatMap(\.all) }

  /// Blocks in blocks beyond this are a mistake, and must not exhaust the stack.
  private static let deepest = 16
  /// Layers in all beyond this are a mistake, and sums over them must not overflow.
  private static let most = 4096

  /// - Parameters:
  ///   - number: of the first layer; afterwards, of the one after the last.
  ///   - count: layers of the same path before the first.
  /// - Throws: `shapeMismatch` or `invalidArgument`, naming the layer by its path and type.
  static func chain(
    _ specs: [LayerSpec], from input: ValueShape, path: String, depth: Int, number: inout Int,
    after count: Int = 0
  ) throws -> [LayerNode] {
    var nodes: [LayerNode] = []
    for (index, spec) in specs.enumerated() {
      let own = path + "\(count + index)"
      let input = nodes.last?.output ?? input
      func named<Result>(_ body: () throws -> Result) throws -> Result {
        do {
          return try body()
        } catch let error as CifarError {
          throw CifarError(error.code, "layer \(own) (\(spec.type)): \(error.message)")
        }
      }
      let place = number
      number += 1
      guard number <= most else {
        throw CifarError(.invalidArgument, "the model has more than \(most) layers")
      }
      var layers: [LayerNode] = []
      var shortcut: [LayerNode] = []
      var output: ValueShape
      if case .residual(let layerSpecs, let shortcutSpecs) = spec {
        try named { try checkBlock(layerSpecs, depth: depth) }
        layers = try chain(
          layerSpecs, from: input, path: "\(own).layers.", depth: depth + 1, number: &number)
        shortcut = try chain(
          shortcutSpecs, from: input, path: "\(own).shortcut.", depth: depth + 1, number: &number)
        output = layers.last?.output ?? input
        try named { try checkSum(output, shortcut.last?.output ?? input) }
      } else {
        output = try named { try spec.description.output(input) }
      }
      nodes.append(
        LayerNode(
          path: own, number: place, spec: spec, input: input, output: output, layers: layers,
          shortcut: shortcut, isFrozen: !spec.isTrainable))
    }
    return nodes
  }

  private static func checkBlock(_ layers: [LayerSpec], depth: Int) throws {
    guard !layers.isEmpty else { throw CifarError(.invalidArgument, "has no layers") }
    guard depth < deepest else {
      throw CifarError(.invalidArgument, "stands inside more than \(deepest) others")
    }
  }

  private static func checkSum(_ sum: ValueShape, _ other: ValueShape) throws {
    guard sum == other else {
      throw CifarError(
        .shapeMismatch,
        "the layers give \(sum), the shortcut \(other): a 1×1 conv2d with the layers' filters and "
          + "stride makes the shortcut fit")
    }
  }
}

extension LayerNode {
  /// The same where these parameters are not trained: a layer that has no others is frozen.
  func freezing(_ names: Set<String>) -> LayerNode {
    var node = self
    let own = parameters.map { "\(path).\($0.name)" }
    if !own.isEmpty, names.isSuperset(of: own) { node.isFrozen = true }
    node.layers = layers.map { $0.freezing(names) }
    node.shortcut = shortcut.map { $0.freezing(names) }
    return node
  }

  /// What the layer itself trains, as the last part of its name and its shape.
  public var parameters: [(name: String, shape: [Int])] { spec.description.parameters(input) }
  /// What the layer itself keeps besides.
  public var statistics: [(name: String, shape: [Int])] { spec.description.statistics(input) }
  /// Numbers that the layer itself trains.
  var parameterCount: Int { LayerNode.count(parameters) }
  /// Numbers that it keeps besides.
  var statisticCount: Int { LayerNode.count(statistics) }
  /// See `LayerDescription.flops`.
  var flops: Int { spec.description.flops(input, output) }

  private static func count(_ list: [(name: String, shape: [Int])]) -> Int {
    list.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }
}
