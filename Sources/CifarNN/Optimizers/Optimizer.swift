import CheckpointFormat
import CifarCore

/// Moves a network's weights by the gradients that the last training step left.
public protocol Optimizer: AnyObject {
  func step(learningRate: Double)

  /// What has to survive a resume besides the number of steps, under names `optimizer.…`.
  func stateTensors() -> [Tensor]

  /// What those tensors are called.
  var stateNames: [String] { get }

  /// Bytes of those tensors.
  var stateBytes: Int { get }

  /// Takes over such tensors and the number of steps they stand for; others are passed over.
  ///
  /// - Throws: `shapeMismatch` if one is missing or has another shape than its parameter; then
  ///   nothing has changed.
  func load(_ tensors: [Tensor], stepCount: Int) throws
}

/// Numbers that an optimizer keeps for every parameter that it moves.
struct OptimizerSlot {
  /// `optimizer.exp_avg.`, say: what stands before the parameter's name.
  let prefix: String
  let buffer: AlignedBuffer<Float>
  private let subset: ParameterSubset

  /// - Parameter name: PyTorch's for what it holds.
  init(_ name: String, _ subset: ParameterSubset) throws {
    prefix = "\(TensorRole.optimizer.prefix)\(name)."
    self.subset = subset
    buffer = try AlignedBuffer(count: subset.floats, for: "the optimizer's moments")
  }

  var bytes: Int { buffer.count * MemoryLayout<Float>.stride }

  var names: [String] { subset.parameters.map { prefix + $0.name } }

  func tensors() -> [Tensor] {
    zip(subset.parameters, subset.places).map { parameter, place in
      let start = buffer.pointer + place
      return Tensor(
        name: prefix + parameter.name, shape: parameter.shape,
        values: Array(UnsafeBufferPointer(start: start, count: parameter.count)))
    }
  }

  /// Fills all the slots, or none of them if a tensor is missing.
  static func load(_ slots: [OptimizerSlot], _ tensors: [Tensor]) throws {
    let given = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    var found: [(values: [Float], target: UnsafeMutablePointer<Float>)] = []
    for slot in slots {
      for (parameter, place) in zip(slot.subset.parameters, slot.subset.places) {
        guard let tensor = given[slot.prefix + parameter.name] else {
          throw CifarError(
            .shapeMismatch, "the checkpoint has no tensor '\(slot.prefix + parameter.name)'")
        }
        guard tensor.shape == parameter.shape, tensor.values.count == parameter.count else {
          throw CifarError(
            .shapeMismatch,
            "tensor '\(tensor.name)' is \(tensor.shape), its parameter is \(parameter.shape)")
        }
        found.append((tensor.values, slot.buffer.pointer + place))
      }
    }
    for (values, target) in found { target.update(from: values, count: values.count) }
  }
}
