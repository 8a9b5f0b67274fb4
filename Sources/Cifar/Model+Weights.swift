import CheckpointFormat
import CifarCore
import CifarNN
import CifarTraining
import Interchange

extension Model {
  convenience init(_ weights: StoredWeights, threads: Int) throws {
    let hyperparameters = weights.hyperparameters
    let network = try Network(
      spec: hyperparameters.modelSpec, dialect: hyperparameters.dialect, seed: 0)
    try network.load(weights.tensors)
    self.init(
      try Evaluator(network, of: hyperparameters, threads: threads), epoch: weights.epoch,
      step: weights.step, source: .weights, isChosen: weights.isChosen)
  }

  /// Makes a model of weights that any program wrote into a safetensors file.
  ///
  /// - Parameters:
  ///   - bytes: of the file: a checkpoint, or names that `ForeignWeights` knows.
  ///   - request: the model, the normalization of its images, and whose dialect it follows. A file of
  ///     this library knows all that: the request says nothing then, or names the model too.
  ///   - classNames: a name for each class; nil for those that the file knows, else numbers.
  ///   - source: where the bytes come from, for the record.
  ///   - threads: threads that compute, from 1 to 1024.
  /// - Throws: `badData` for bytes that are no safetensors file; `shapeMismatch`, naming a tensor that
  ///   is missing, left over or of another shape; `invalidArgument` for a model that can't be;
  ///   `notFinite`; `unsupported` for tensors of other types than F32, F16, BF16 and F64.
  public convenience init(
    weights bytes: [UInt8], request: TrainingRequest, classNames: [String]? = nil, source: String,
    threads: Int = ThreadPool.defaultThreads
  ) throws {
    if request.model == nil,
      try CheckpointContainer.hyperparameters(in: SafeTensors.metadata(of: bytes)) != nil
    {
      guard request == TrainingRequest(), classNames == nil else {
        throw CifarError(
          .invalidArgument,
          "a file of this library knows its model, its images' normalization and its classes' names: "
            + "say none of them, or the model too")
      }
      try self.init(bytes: bytes, threads: threads)
      return
    }
    try self.init(
      StoredWeights(bytes, request: request, classNames: classNames, source: source),
      threads: threads)
  }

  /// Likewise, of a file.
  ///
  /// - Throws: also `notFound`, `io`.
  public convenience init(
    weightsFile path: String, request: TrainingRequest, classNames: [String]? = nil,
    threads: Int = ThreadPool.defaultThreads
  ) throws {
    do {
      try self.init(
        weights: CheckpointContainer.read(path), request: request, classNames: classNames,
        source: AbsolutePath.of(path), threads: threads)
    } catch let error as CifarError {
      throw error.ofWeights(path)
    }
  }
}

extension CifarError {
  /// The same of a file of weights; one of another format is told with what makes it readable.
  func ofWeights(_ path: String) -> CifarError {
    let error = of(file: path)
    guard code == .badData, let remedy = ForeignWeights.remedy(for: path) else { return error }
    return CifarError(code, "\(error.message); \(remedy)")
  }
}
