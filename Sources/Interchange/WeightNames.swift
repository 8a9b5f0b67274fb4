import CheckpointFormat
import CifarCore
import CifarNN

/// The names that a model's weights have in PyTorch.
public enum WeightNames: String, CaseIterable, Sendable {
  /// Those of a flat `nn.Sequential`: `0.weight`, `1.running_mean`. Global average pooling counts as
  /// two modules, `AdaptiveAvgPool2d(1)` and `Flatten()`; a residual block is one module, with an
  /// `nn.Sequential` called `layers` and one called `shortcut`.
  case sequential
  /// Those of the tutorial's class: `conv_block1.0.weight` to `fc.4.bias`.
  case tutorial

  /// The tutorial's where its class could take the weights: the model is built like it and nothing
  /// that the class has is missing, such as a bias. Else those of an `nn.Sequential`.
  public static func usual(for nodes: [LayerNode]) -> WeightNames {
    let isWhole = nodes.allSatisfy { node in
      node.parameters.isEmpty || node.parameters.map(\.name).sorted() == ["bias", "weight"]
    }
    return isWhole && WeightNames.tutorial.fits(nodes) ? .tutorial : .sequential
  }

  /// Whether a model's layers can have these names.
  func fits(_ nodes: [LayerNode]) -> Bool {
    self == .sequential || WeightNames.blocks(of: nodes) != nil
  }

  /// - Throws: `invalidArgument`, naming those that there are.
  public init(named name: String) throws {
    guard let names = WeightNames(rawValue: name) else {
      throw CifarError(
        .invalidArgument,
        "unknown names '\(name.excerpt)'; use "
          + WeightNames.allCases.map(\.rawValue).joined(separator: " or "))
    }
    self = names
  }

  /// A layer's name by its path, those inside residual blocks included.
  ///
  /// - Throws: `unsupported` for a model that such names do not fit.
  func modules(of nodes: [LayerNode]) throws -> [String: String] {
    switch self {
    case .sequential: return Dictionary(uniqueKeysWithValues: WeightNames.chain(nodes, from: ""))
    case .tutorial:
      guard let blocks = WeightNames.blocks(of: nodes) else {
        throw CifarError(
          .unsupported,
          "the model is not built like the tutorial's, whose names were asked for: blocks of twice "
            + "[conv2d, batch_norm, relu], max_pool and dropout, then flatten or "
            + "global_average_pool, dense, relu, dropout, dense; names sequential fit every model")
      }
      let named = blocks.enumerated().flatMap { index, block in
        let isLast = index == blocks.count - 1
        return WeightNames.chain(block, from: isLast ? "fc." : "conv_block\(index + 1).")
      }
      return Dictionary(uniqueKeysWithValues: named)
    }
  }

  private static func chain(
    _ nodes: some Sequence<LayerNode>, from prefix: String
  ) -> [(String, String)] {
    var names: [(String, String)] = []
    var index = 0
    for node in nodes {
      let name = "\(prefix)\(index)"
      names.append((node.path, name))
      names += chain(node.layers, from: "\(name).layers.")
      names += chain(node.shortcut, from: "\(name).shortcut.")
      index += [.globalAveragePool, .globalMaxPool].contains(node.spec) ? 2 : 1
    }
    return names
  }

  private static let block =
    ["conv2d", "batch_norm", "relu", "conv2d", "batch_norm", "relu", "max_pool", "dropout"]
  private static let classifier = ["dense", "relu", "dropout", "dense"]

  /// The parts of a model that is built like the tutorial's, the classifier last; nil for others.
  private static func blocks(of nodes: [LayerNode]) -> [ArraySlice<LayerNode>]? {
    var rest = nodes[...]
    var parts: [ArraySlice<LayerNode>] = []
    while rest.prefix(block.count).map(\.spec.type) == block {
      parts.append(rest.prefix(block.count))
      rest = rest.dropFirst(block.count)
    }
    guard !parts.isEmpty, let first = rest.first,
      first.spec == .flatten || first.spec == .globalAveragePool,
      rest.dropFirst().map(\.spec.type) == classifier
    else { return nil }
    return parts + [rest]
  }
}

/// A tensor's name here, and its name in another program.
struct NamedTensor {
  let own: String
  let other: String
  let shape: [Int]
  /// The layer that it belongs to, for messages: `3 (conv2d)`.
  let layer: String

  /// The parameters and statistics of a model, layer by layer.
  ///
  /// - Parameter modules: the layers' names by their paths.
  static func all(of nodes: [LayerNode], modules: [String: String]) -> [NamedTensor] {
    nodes.flatMap(\.all).flatMap { node in
      (node.parameters + node.statistics).map { name, shape in
        NamedTensor(
          own: "\(node.path).\(name)", other: "\(modules[node.path] ?? node.path).\(name)",
          shape: shape, layer: "\(node.path) (\(node.spec.type))")
      }
    }
  }
}

extension WeightNames {
  /// A model's tensors under these names.
  ///
  /// - Parameter tensors: under their own names.
  /// - Returns: also the names of the batch normalisations.
  /// - Throws: `unsupported` for a model that such names do not fit.
  public func named(
    _ tensors: [Tensor], of nodes: [LayerNode]
  ) throws -> (tensors: [Tensor], norms: [String]) {
    let modules = try modules(of: nodes)
    let names = Dictionary(
      uniqueKeysWithValues: NamedTensor.all(of: nodes, modules: modules).map { ($0.own, $0.other) })
    let renamed = tensors.map { tensor in
      Tensor(name: names[tensor.name] ?? tensor.name, shape: tensor.shape, values: tensor.values)
    }
    let norms = nodes.flatMap(\.all).filter { $0.spec.type == "batch_norm" }
    return (renamed, norms.map { modules[$0.path] ?? $0.path })
  }
}
