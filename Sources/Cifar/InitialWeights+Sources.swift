import CheckpointFormat
import CifarCore
import CifarData
import CifarNN
import CifarTraining
import Interchange

/// A stored model by what a person calls it.
///
/// A run may be called like a file, and a file like a run: what is written like a file (with a `/` or
/// `.safetensors`) is one if it exists, anything else is a run, or, where there is no such run, a file.
public enum StoredName {
  case file(String)
  case run(String)

  public init(_ name: String) {
    self = StoredName.looksLikeFile(name) && FileName.isFile(name) ? .file(name) : .run(name)
  }

  public static func looksLikeFile(_ name: String) -> Bool {
    name.contains("/") || name.hasSuffix(".safetensors")
  }

  /// What to say of a name of which there is no file either.
  ///
  /// - Parameter missing: that there is no such run.
  public static func unknown(_ name: String, _ missing: CifarError) -> CifarError {
    if FileName.isDirectory(name) {
      return CifarError(
        missing.code,
        "'\(name.excerpt)' is a directory: name the .safetensors file in it that has the weights, or a "
          + "run (\(missing.message))")
    }
    guard looksLikeFile(name) else { return missing }
    return CifarError(
      missing.code, "'\(name.excerpt)' is no file, and no run: \(missing.message)")
  }
}

// Where the weights come from that a training begins with. Whatever fits is taken; nothing at all is
// `shapeMismatch`.
extension InitialWeights {
  /// Weights of a run's best checkpoint, or of a file.
  ///
  /// - Parameters:
  ///   - name: see `StoredName`.
  ///   - registryPath: where the run is.
  ///   - spec: the model that is to begin with them.
  /// - Throws: `notFound`, `ambiguous`, `checksumMismatch`, `notFinite`, and as for a file.
  public init(named name: String, registryPath: String, for spec: ModelSpec) throws {
    switch StoredName(name) {
    case .file(let path): try self.init(file: path, for: spec)
    case .run(let run):
      let model: Model
      do {
        model = try Model(registryPath: registryPath, run: run, threads: 1)
      } catch let error as CifarError where error.code == .notFound {
        if FileName.isFile(name) {
          try self.init(fileThatIsNoRun: name, for: spec, error)
          return
        }
        throw StoredName.unknown(name, error)
      }
      try self.init(model, for: spec, source: "run \(run)")
    }
  }

  /// - Parameter missing: that there is no such run.
  private init(
    fileThatIsNoRun name: String, for spec: ModelSpec, _ missing: CifarError
  ) throws {
    do {
      try self.init(file: name, for: spec)
    } catch let error as CifarError where error.code == .badData {
      throw CifarError(
        error.code,
        "\(missing.message), and the file '\(name.excerpt)' is none that weights are taken from: "
          + error.message)
    }
  }

  /// Weights of a model.
  ///
  /// - Parameter source: where the model comes from; nil for what the model knows of that.
  public init(_ model: Model, for spec: ModelSpec, source: String? = nil) throws {
    let known = model.hyperparameters
    let name = source ?? known.weights?.source ?? "the model"
    try InitialWeights.refuse(isQuantized: known.modelSpec.isQuantized, name)
    try self.init(
      ForeignWeights(model.network.stateTensors()), for: spec,
      source: source ?? known.weights?.source ?? "a model of epoch \(model.epoch)",
      normalization: known.normalization)
  }

  /// Weights of a safetensors file, whoever wrote it: see `ForeignWeights`.
  ///
  /// - Throws: `notFound`, `io`; `badData` for another format, `unsupported` for tensors of other
  ///   types; `notFinite`.
  public init(file path: String, for spec: ModelSpec) throws {
    do {
      try self.init(
        bytes: CheckpointContainer.read(path), for: spec, source: AbsolutePath.of(path))
    } catch let error as CifarError {
      throw error.ofWeights(path)
    }
  }

  /// Likewise, of the bytes of such a file.
  public init(bytes: [UInt8], for spec: ModelSpec, source: String) throws {
    let weights = try ForeignWeights(bytes)
    let own = try CheckpointContainer.hyperparameters(in: weights.metadata).map {
      try StateCoding.decode(Hyperparameters.self, from: $0, what: "the hyperparameters")
    }
    try InitialWeights.refuse(
      isQuantized: own?.modelSpec.isQuantized ?? false || weights.isQuantized, source)
    try self.init(weights, for: spec, source: source, normalization: own?.normalization)
  }

  /// - Throws: `unsupported` for weights that were rounded to int8, with batch norm folded into them.
  private static func refuse(isQuantized: Bool, _ source: String) throws {
    guard isQuantized else { return }
    throw CifarError(
      .unsupported,
      "\(source.excerpt) is quantized: weights that were rounded to int8 are nothing to begin a "
        + "training with; take the model that it was made of")
  }

  private init(
    _ weights: ForeignWeights, for spec: ModelSpec, source: String,
    normalization: Normalization?
  ) throws {
    let fit = try FittingWeights(weights, for: spec)
    self.init(
      fit.tensors, source: source, normalization: normalization, drawn: fit.missing,
      misfit: fit.remark)
  }
}
