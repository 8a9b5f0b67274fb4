import CifarCore

/// The file that a checkpoint is: safetensors, with the model's tensors under PyTorch's `state_dict`
/// names, the optimizer's and the best weights under names that tell them apart, and the rest as JSON
/// in the metadata.
///
/// Where the best weights are the model's own, as in the checkpoint of the best epoch, they are stored
/// once: the metadata say so.
public struct CheckpointContainer {
  static let format = "libcifar checkpoint 1"

  private enum Key: String {
    case format, hyperparameters, state, run, best, content, chosen
  }

  /// The value of `best`: the best weights are the model's tensors.
  private static let bestIsModel = "model"
  /// The value of `content`: nothing but the model's tensors was kept.
  private static let weights = "weights"

  /// JSON: all that decides how the run goes.
  public var hyperparameters: String
  /// JSON: where the trainer is.
  public var state: String
  /// The best weights included, however they are stored.
  public var tensors: [Tensor]
  /// Whether only the model's tensors were kept: enough to evaluate and to export, not to continue a
  /// training.
  public private(set) var isWeightsOnly = false
  /// Whether the images validated on chose its weights, where the file says so; nil where the
  /// trainer's state is all that there is to go by.
  public private(set) var isChosen: Bool?

  public init(hyperparameters: String, state: String, tensors: [Tensor]) {
    self.hyperparameters = hyperparameters
    self.state = state
    self.tensors = tensors
  }

  /// - Throws: `badData` for bytes that are no checkpoint of this library; `unsupported`,
  ///   `outOfMemory`.
  public init(_ bytes: [UInt8]) throws {
    let (tensors, metadata) = try SafeTensors.decode(bytes)
    guard CheckpointContainer.isOne(metadata),
      let state = metadata[Key.state.rawValue],
      let hyperparameters = metadata[Key.hyperparameters.rawValue]
    else {
      throw CifarError(
        .badData,
        "the safetensors file is no libcifar checkpoint: its metadata has no "
          + "'\(CheckpointContainer.format)'")
    }
    self.init(hyperparameters: hyperparameters, state: state, tensors: tensors)
    isWeightsOnly = metadata[Key.content.rawValue] == CheckpointContainer.weights
    if let word = metadata[Key.chosen.rawValue] {
      guard let isChosen = Bool(word) else {
        throw CifarError(
          .badData,
          "the checkpoint's header can't be read: \(Key.chosen.rawValue) is '\(word.excerpt)', not true "
            + "or false")
      }
      self.isChosen = isChosen
    }
    if metadata[Key.best.rawValue] == CheckpointContainer.bestIsModel {
      guard !tensors.contains(where: { $0.role == .best }) else {
        throw CifarError(
          .badData, "the checkpoint has best weights, and says that they are the model's")
      }
      // The numbers are shared, not copied.
      self.tensors += model.map { $0.named(as: .best) }
    }
  }

  private var model: [Tensor] { tensors.filter { $0.role == .model } }

  /// Whether the best weights are the model's, bit by bit.
  private var bestIsModel: Bool {
    let best = tensors.filter { $0.role == .best }
    let model = model
    guard !best.isEmpty, best.count == model.count else { return false }
    let byName = Dictionary(model.map { ($0.name, $0) }) { first, _ in first }
    return best.allSatisfy { tensor in
      byName[tensor.named(as: .model).name]?.hasSameBits(as: tensor) ?? false
    }
  }

  /// The same without all that only a training needs.
  public func weightsOnly() -> CheckpointContainer {
    var container = self
    container.tensors = model
    container.isWeightsOnly = true
    return container
  }

  /// Whether a safetensors file with these metadata is a checkpoint of this library.
  public static func isOne(_ metadata: [String: String]) -> Bool {
    metadata[Key.format.rawValue] == format
  }

  /// What a file of this library, a checkpoint or weights alone, says of how it was trained, as JSON;
  /// nil for other files.
  ///
  /// - Throws: as `WeightsContainer.description`.
  public static func hyperparameters(in metadata: [String: String]) throws -> String? {
    isOne(metadata)
      ? metadata[Key.hyperparameters.rawValue]
      : try WeightsContainer.description(in: metadata)?.hyperparameters
  }

  public func encoded() throws -> [UInt8] {
    var metadata = [
      Key.format.rawValue: CheckpointContainer.format,
      Key.hyperparameters.rawValue: hyperparameters, Key.state.rawValue: state,
    ]
    if isWeightsOnly { metadata[Key.content.rawValue] = CheckpointContainer.weights }
    metadata[Key.chosen.rawValue] = isChosen.map { "\($0)" }
    guard bestIsModel else { return try SafeTensors.encode(tensors, metadata: metadata) }
    metadata[Key.best.rawValue] = CheckpointContainer.bestIsModel
    return try SafeTensors.encode(tensors.filter { $0.role != .best }, metadata: metadata)
  }

  /// The same file, which says whether the images validated on chose its weights.
  public static func setting(isChosen: Bool, in bytes: [UInt8]) throws -> [UInt8] {
    try SafeTensors.setting(Key.chosen.rawValue, to: "\(isChosen)", in: bytes)
  }

  /// Reads a file.
  ///
  /// - Throws: `notFound`, `io`; `badData` for what does not begin as a checkpoint does.
  public static func read(_ path: String) throws -> [UInt8] {
    try File.contents(of: path, check: SafeTensors.checkStart)
  }

  // MARK: A run's rows

  /// What a file that lies beside a registry says of its run, as JSON; nil for other files.
  /// - Throws: `badData` for bytes that are no safetensors file.
  public static func run(in bytes: [UInt8]) throws -> String? {
    try SafeTensors.metadata(of: bytes)[Key.run.rawValue]
  }

  /// The same file with other words on its run. Taken out again, they leave the bytes of before.
  ///
  /// - Parameter run: JSON; nil for none.
  public static func setting(run: String?, in bytes: [UInt8]) throws -> [UInt8] {
    try SafeTensors.setting(Key.run.rawValue, to: run, in: bytes)
  }
}

extension FileKind {
  /// A safetensors file that this library wrote: a checkpoint, or weights alone.
  public static let checkpoint = FileKind("a checkpoint of libcifar") { bytes in
    FileKind.safetensors.matches(bytes)
      && ["checkpoint", "weights"].contains {
        bytes.firstRange(of: Array("\"libcifar \($0) ".utf8)) != nil
      }
  }
}
