import CheckpointFormat
import CifarCore
import CifarData
import CifarNN

/// A model with its weights, as other formats are made of it.
public struct ExportedModel {
  public var spec: ModelSpec
  /// Weights and statistics under their own names.
  public var tensors: [Tensor]
  public var normalization: Normalization
  public var classNames: [String]
  /// What people call the model: a preset's name.
  public var name: String

  public init(
    spec: ModelSpec, tensors: [Tensor], normalization: Normalization, classNames: [String],
    name: String
  ) {
    self.spec = spec
    self.tensors = tensors
    self.normalization = normalization
    self.classNames = classNames
    self.name = name
  }

  /// A model whose weights nobody knows yet, for a script.
  public init(untrained spec: ModelSpec) {
    self.init(
      spec: spec, tensors: [], normalization: .unit,
      classNames: (0..<spec.classes).map(String.init), name: "custom")
  }

  /// The text of a script that builds the model.
  ///
  /// - Throws: `invalidArgument` for a format that is no script, or a spec without layers;
  ///   `shapeMismatch` for one that is not complete.
  public func script(_ format: ExportFormat) throws -> String {
    switch format {
    case .pytorch: try PyTorchScript.text(self)
    case .keras: try KerasScript.text(self)
    case .checkpoint, .weights, .onnx:
      throw CifarError(.invalidArgument, "the format \(format.rawValue) is no script")
    }
  }
}
