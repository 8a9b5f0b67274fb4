import CifarCore

/// The file that a checkpoint is: safetensors, with the model's tensors under PyTorch's `state_dict`
/// names, the optimizer's and the best weights under names that tell them apart, and the rest as JSON
/// in the metadata.
public struct CheckpointContainer {
  static let format = "libcifar checkpoint 1"

  private enum Key: String {
    case format, hyperparameters, state, run
  }

  /// JSON: all that decides how the run goes.
  public var hyperparameters: String
  /// JSON: where the trainer is.
  public var state: String
  public var tensors: [Tensor]

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
    try SafeTensors.encode(
      tensors,
      metadata: [
        Key.format.rawValue: CheckpointContainer.format,
        Key.hyperparameters.rawValue: hyperparameters, Key.state.rawValue: state,
      ])
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
