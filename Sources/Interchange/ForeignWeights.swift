import CheckpointFormat
import CifarCore
import CifarNN

/// Weights of a safetensors file, whoever wrote it and whatever they are called there.
///
/// The names may be those of a checkpoint or one of `WeightNames`, all of them after a prefix that
/// they share, such as the `module.` of a wrapper. F16, BF16 and F64 become float32, I8
/// is multiplied by its scales; `num_batches_tracked` may be there or not.
public struct ForeignWeights {
  /// The strings in the file.
  public let metadata: [String: String]
  let tensors: [String: Tensor]

  /// - Throws: `badData` for bytes that are no safetensors file, `unsupported` for tensors of other
  ///   types, `outOfMemory`.
  public init(_ bytes: [UInt8]) throws {
    let (all, metadata) = try SafeTensors.decodeConverting(bytes)
    self.metadata = metadata
    let isCheckpoint = CheckpointContainer.isOne(metadata)
    var tensors: [String: Tensor] = [:]
    for tensor in all where !tensor.name.hasSuffix(".num_batches_tracked") {
      // The optimizer's, and the best ones of earlier.
      if isCheckpoint, tensor.role != .model { continue }
      tensors[tensor.name] = tensor
    }
    self.tensors = tensors
  }

  /// Tensors that a model of this library has.
  public init(_ own: [Tensor]) {
    metadata = [:]
    tensors = Dictionary(own.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether weights of int8 are among them, with their scales.
  public var isQuantized: Bool {
    tensors.keys.contains { $0 == "weight_scale" || $0.hasSuffix(".weight_scale") }
  }

  /// What to do with a file that is no safetensors file, told by its name; nil where that says
  /// nothing.
  public static func remedy(for path: String) -> String? {
    switch path.split(separator: ".").last?.lowercased() {
    case "pt", "pth", "bin", "ckpt":
      "PyTorch writes what can be read here by safetensors.torch.save_file(net.state_dict(), FILE)"
    case "h5", "hdf5", "keras":
      "in Python, cifar.Model.from_weights reads .keras and .weights.h5, where Keras is installed"
    default: nil
    }
  }

  /// The units of the model's last layer, as far as the file tells.
  ///
  /// - Parameter spec: with any number of units.
  public func classes(of spec: ModelSpec) throws -> Int? {
    let (fit, _) = try closest(to: spec.nodes())
    // The last layer is dense: the last tensor is its bias, (units), or, without one, its weights,
    // (units, features).
    guard let last = fit.last, let tensor = tensors[last.other],
      (1...2).contains(tensor.shape.count)
    else { return nil }
    return tensor.shape[0]
  }

  /// The tensors of a model, under the names that they have here.
  ///
  /// - Throws: `shapeMismatch`, naming the tensor that is missing, that is not the model's, or whose
  ///   shape is another; `notFinite` for numbers that nothing can be computed with; `badData` for
  ///   quantized weights that are no multiples of their scales.
  public func tensors(for spec: ModelSpec) throws -> [Tensor] {
    let (wanted, matches) = try closest(to: spec.nodes())
    guard matches > 0 else { throw strangers(wanted) }
    let names = Set(wanted.map(\.other))
    let extra = tensors.keys.filter { !names.contains($0) }.sorted()
    let found = try wanted.map { name in
      guard var tensor = tensors[name.other] else {
        throw CifarError(
          .shapeMismatch,
          "the weights have no tensor '\(name.other)', which layer \(name.layer) of the model needs "
            + "in the shape \(name.shape)" + ForeignWeights.also(extra))
      }
      guard tensor.shape == name.shape else {
        throw CifarError(
          .shapeMismatch,
          "tensor '\(name.other)' has the shape \("\(tensor.shape)".excerpt), layer \(name.layer) of "
            + "the model needs \(name.shape)")
      }
      if let fault = tensor.fault {
        throw CifarError(.notFinite, "the weights can't be used: \(fault)")
      }
      tensor.name = name.own
      return tensor
    }
    try refuse(extra)
    try QuantizedTensor.check(found)
    return found
  }

  private static func also(_ extra: [String]) -> String {
    guard let first = extra.first else { return "" }
    return "; they have \(extra.count) that it does not know, such as '\(first.excerpt)'"
  }

  private func refuse(_ extra: [String]) throws {
    guard let name = extra.first, let shape = tensors[name]?.shape else { return }
    throw CifarError(
      .shapeMismatch,
      "the model has no tensor '\(name.excerpt)', which the weights have in the shape "
        + "\("\(shape)".excerpt)" + (extra.count > 1 ? ", nor \(extra.count - 1) more of them" : "")
    )
  }

  func strangers(_ wanted: [NamedTensor]) -> CifarError {
    let names = tensors.keys.sorted()
    guard let first = names.first else {
      return CifarError(.shapeMismatch, "the file has no tensors")
    }
    return CifarError(
      .shapeMismatch,
      "the file's \(names.count) tensors have names like '\(first.excerpt)'; the model's have those "
        + "of an nn.Sequential, '\(wanted.first?.own ?? "0.weight")', or of the tutorial's class, "
        + "'conv_block1.0.weight'")
  }

  /// The names of the model's tensors in the way of naming them that fits the file best, and how many
  /// of them the file has.
  ///
  /// - Parameter comparesShapes: whether one of another shape is another tensor.
  func closest(
    to nodes: [LayerNode], comparesShapes: Bool = false
  ) throws -> (names: [NamedTensor], matches: Int) {
    var ways = [NamedTensor.all(of: nodes, modules: [:])]
    for names in WeightNames.allCases where names.fits(nodes) {
      ways.append(NamedTensor.all(of: nodes, modules: try names.modules(of: nodes)))
    }
    var best: (names: [NamedTensor], matches: Int) = (ways[0], -1)
    for prefix in sharedPrefixes() {
      for way in ways {
        let matches = way.count { name in
          guard let tensor = tensors[prefix + name.other] else { return false }
          return !comparesShapes || tensor.shape == name.shape
        }
        guard matches > best.matches else { continue }
        let names = way.map {
          NamedTensor(own: $0.own, other: prefix + $0.other, shape: $0.shape, layer: $0.layer)
        }
        best = (names, matches)
      }
    }
    return best
  }

  /// The beginnings that all names share, up to a dot; the empty one first.
  private func sharedPrefixes() -> [String] {
    guard let first = tensors.keys.min() else { return [""] }
    let parts = first.split(separator: ".", omittingEmptySubsequences: false).prefix(8)
    var prefixes = [""]
    for part in parts.dropLast() {
      let longer = prefixes[prefixes.count - 1] + part + "."
      guard tensors.keys.allSatisfy({ $0.hasPrefix(longer) }) else { break }
      prefixes.append(longer)
    }
    return prefixes
  }
}
