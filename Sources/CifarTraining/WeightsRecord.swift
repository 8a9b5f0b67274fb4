import CheckpointFormat
import CifarCore
import CifarData

/// What a training began with in the place of weights drawn at random, as its hyperparameters keep
/// it.
public struct WeightsRecord: Codable, Equatable, Sendable {
  /// Where they came from: a file, or a run.
  public var source: String
  /// SHA-256 of the numbers, tensor by tensor in the order of their names.
  public var hash: String
  /// What the classes are called, where someone said so.
  public var classNames: [String]?
  /// The model's tensors that were drawn at random all the same; nil for none.
  public var drawn: [String]?

  enum CodingKeys: String, CodingKey {
    case source
    case hash = "sha256"
    case classNames = "class_names"
    case drawn
  }

  public init(
    source: String, tensors: [Tensor], classNames: [String]? = nil, drawn: [String] = []
  ) {
    self.source = source
    self.classNames = classNames
    self.drawn = drawn.isEmpty ? nil : drawn
    var hash = SHA256()
    for tensor in tensors.sorted(by: { $0.name < $1.name }) {
      tensor.values.withUnsafeBytes { hash.update($0) }
    }
    self.hash = hash.hexadecimal()
  }

  /// - Parameter classes: the units of the model's last layer.
  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the value and its range.
  func validate(classes: Int) throws {
    try DataRecord.check(source, atMost: 4200, "weights.source")
    try DataRecord.check(hash, atMost: 64, "weights.sha256")
    for name in drawn ?? [] { try DataRecord.check(name, atMost: 200, "weights.drawn") }
    guard let classNames else { return }
    guard classNames.count == classes else {
      throw CifarError(
        .shapeMismatch,
        "there are \(classNames.count) class names, but the model has \(classes) classes, the units "
          + "of its last layer")
    }
    for (index, name) in classNames.enumerated() {
      try DataRecord.check(name, atMost: Dataset.longestClassName, "class_names[\(index)]")
    }
    try ClassNames.requireDistinct(classNames, "class_names")
  }
}

/// Weights and statistics that a training begins with.
public struct InitialWeights {
  /// Under the names of the model's own tensors, of which some may be missing.
  public let tensors: [Tensor]
  public let record: WeightsRecord
  /// Of the images that they were trained on; nil where nobody knows it.
  public let normalization: Normalization?

  /// What of the weights did not fit; nil where everything did.
  private let misfit: String?

  /// - Parameters:
  ///   - source: where they come from, for the record.
  ///   - drawn: the model's tensors that they do not have.
  ///   - misfit: a sentence on what of the weights did not fit.
  public init(
    _ tensors: [Tensor], source: String, normalization: Normalization? = nil,
    drawn: [String] = [], misfit: String? = nil
  ) {
    self.tensors = tensors
    self.normalization = normalization
    self.misfit = misfit
    record = WeightsRecord(source: source, tensors: tensors, drawn: drawn)
  }

  /// What a person should know who begins a training with them, a sentence each.
  public func remarks(for hyperparameters: Hyperparameters) -> [String] {
    [misfit.map { "\(record.source.excerpt): \($0)" }, normalizationRemark(hyperparameters)]
      .compactMap { $0 }
  }

  private func normalizationRemark(_ hyperparameters: Hyperparameters) -> String? {
    let own = hyperparameters.normalization
    guard let normalization, normalization != own else { return nil }
    return "the weights of \(record.source.excerpt) were trained on images normalised by "
      + "\(normalization.text), this run normalises them by \(own.text): another recipe, or the "
      + "hyperparameter normalization, changes that"
  }
}
