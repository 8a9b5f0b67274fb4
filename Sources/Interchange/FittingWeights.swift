import CheckpointFormat
import CifarCore
import CifarNN

/// What a model takes of weights that another one may have been trained with: all tensors that have
/// the name and the shape of one of its own.
public struct FittingWeights {
  /// A tensor that is not taken, or that the weights do not have.
  public struct Misfit: Equatable, Sendable {
    /// What the weights call it.
    public let name: String
    /// nil where they have none.
    public let shape: [Int]?
    /// nil where the model has none.
    public let wanted: [Int]?

    var text: String {
      let name = "'\(name.excerpt)'"
      return switch (shape, wanted) {
      case (let shape?, let wanted?):
        "\(name) is \("\(shape)".excerpt), the model's is \(wanted)"
      case (let shape?, nil): "\(name) \("\(shape)".excerpt) is not in the model"
      case (nil, let wanted): "\(name) \(wanted ?? []) is not in the weights"
      }
    }
  }

  /// Under the model's own names.
  public let tensors: [Tensor]
  /// Those of the model first, in its order.
  public let misfits: [Misfit]
  /// The model's tensors that nothing is taken for, under its own names.
  public let missing: [String]

  /// - Throws: `shapeMismatch` where nothing fits; `notFinite` for numbers that nothing can be
  ///   computed with.
  public init(_ weights: ForeignWeights, for spec: ModelSpec) throws {
    let (wanted, matches) = try weights.closest(to: spec.nodes(), comparesShapes: true)
    var misfits: [Misfit] = []
    var missing: [String] = []
    tensors = try wanted.compactMap { name in
      guard var tensor = weights.tensors[name.other], tensor.shape == name.shape else {
        let shape = weights.tensors[name.other]?.shape
        misfits.append(Misfit(name: name.other, shape: shape, wanted: name.shape))
        missing.append(name.own)
        return nil
      }
      if let fault = tensor.fault {
        throw CifarError(.notFinite, "the weights can't be used: \(fault)")
      }
      tensor.name = name.own
      return tensor
    }
    self.missing = missing
    let known = Set(wanted.map(\.other))
    for name in weights.tensors.keys.sorted() where !known.contains(name) {
      misfits.append(Misfit(name: name, shape: weights.tensors[name]?.shape, wanted: nil))
    }
    self.misfits = misfits
    guard matches > 0 else {
      guard misfits.contains(where: { $0.shape != nil && $0.wanted != nil }) else {
        throw weights.strangers(wanted)
      }
      throw CifarError(
        .shapeMismatch,
        "none of the weights fits the model: "
          + misfits.filter { $0.shape != nil }.prefix(4).map(\.text).joined(separator: "; "))
    }
  }

  /// What was not taken, tensor by tensor; nil where everything fits.
  public var remark: String? {
    guard !misfits.isEmpty else { return nil }
    let all = tensors.count + missing.count
    return "\(tensors.count) of the model's \(all) tensors begin with these weights"
      + (missing.isEmpty ? "" : ", the others are drawn") + ": "
      + misfits.map(\.text).joined(separator: "; ")
  }
}
