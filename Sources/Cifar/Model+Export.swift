import CheckpointFormat
import CifarCore
import CifarNN
import CifarTraining
import Interchange

/// How a model is written for other programs.
public struct ExportOptions: Hashable, Sendable {
  public var format: ExportFormat
  /// The names of weights; nil for `WeightNames.usual`.
  public var names: WeightNames?
  /// See `ONNXGraph.file`.
  public var keepsBatchNorm = false

  public init(_ format: ExportFormat) { self.format = format }

  /// Of the weights that a script loads.
  public static let scriptWeights: ExportOptions = {
    var options = ExportOptions(.weights)
    options.names = .sequential
    return options
  }()
}

extension Model {
  /// The bytes of a file.
  ///
  /// - Throws: `unsupported` for names or a format that the model does not fit, `outOfMemory`.
  public func exported(_ options: ExportOptions) throws -> [UInt8] {
    switch options.format {
    case .checkpoint: try checkpoint()
    case .weights: try weights(names: options.names)
    case .onnx: try ONNXGraph.file(content, keepsBatchNorm: options.keepsBatchNorm)
    case .pytorch, .keras: Array(try content.script(options.format).utf8)
    }
  }

  /// What formats of other programs are made of.
  private var content: ExportedModel {
    ExportedModel(
      spec: hyperparameters.modelSpec, tensors: network.stateTensors(),
      normalization: hyperparameters.normalization, classNames: classNames,
      name: hyperparameters.model)
  }

  /// Writes a file, whole or not at all (see `FileWriter`); with a script, also the weights that it
  /// loads, to `weights(beside:)`.
  ///
  /// - Throws: also `invalidArgument` for a name that promises another format, a directory, a registry,
  ///   or an existing file of another kind; `diskFull`, `io`.
  public func export(_ options: ExportOptions, to path: String) throws {
    try options.format.check(name: path)
    if options.format.isScript {
      // Weights first, and not where the script can't be: it is never there without them.
      try FileWriter.check(path, as: options.format.kind)
      try FileWriter.write(
        exported(.scriptWeights), to: ExportFormat.weights(beside: path), as: .checkpoint)
    }
    try FileWriter.write(exported(options), to: path, as: options.format.kind)
  }

  /// Writes weights and statistics, all that a model is, to a safetensors file.
  ///
  /// - Throws: as `export`.
  public func save(to path: String) throws {
    try export(ExportOptions(.weights), to: path)
  }

  /// The checkpoint that the model was made from, a safetensors file; it says whether its weights were
  /// chosen, where one could not tell. One that was made of weights alone has the checkpoint of a
  /// training that begins with them. That of a quantized model, which is not trained, are its weights.
  ///
  /// - Throws: `outOfMemory`.
  public func checkpoint() throws -> [UInt8] {
    switch source {
    case .checkpoint(let bytes): bytes
    case .trainer(let snapshot): try checkpoint(of: snapshot)
    case .weights where hyperparameters.modelSpec.isQuantized: try weights(names: nil)
    case .weights:
      try checkpoint(
        of: TrainerSnapshot(
          beginning: Network(copying: network), hyperparameters: hyperparameters))
    }
  }

  private func checkpoint(of snapshot: TrainerSnapshot) throws -> [UInt8] {
    let bytes = try snapshot.checkpoint()
    return snapshot.checkpointIsChosen == isChosen
      ? bytes : try CheckpointContainer.setting(isChosen: isChosen, in: bytes)
  }

  /// Weights and statistics alone, a safetensors file.
  private func weights(names: WeightNames?) throws -> [UInt8] {
    let nodes = try hyperparameters.modelSpec.nodes()
    return try MemoryNeed.secured(2 * network.stateBytes + (1 << 17), for: "the weights' bytes") {
      let (tensors, norms) = try (names ?? .usual(for: nodes)).named(
        network.stateTensors(), of: nodes)
      return try WeightsContainer(
        hyperparameters: StateCoding.encode(hyperparameters), epoch: epoch, step: step,
        chosenOn: isChosen ? hyperparameters.data?.validationHash : nil, tensors: tensors,
        counters: norms.map { ("\($0).num_batches_tracked", step) }
      ).encoded()
    }
  }
}

extension ExportFormat {
  /// Of existing files, those that are replaced.
  public var kind: FileKind {
    switch self {
    case .checkpoint, .weights: .checkpoint
    case .onnx:
      FileKind("an ONNX model of libcifar", startsWith: "\u{8}\u{8}", contains: "libcifar")
    case .pytorch, .keras: FileKind("a script of libcifar", contains: "libcifar")
    }
  }
}
