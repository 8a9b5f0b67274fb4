import CheckpointFormat
import CifarCore

/// A model's weights and statistics.
///
/// All trainable parameters lie in one buffer, so an optimiser is one pass over it; each begins on
/// a multiple of 16 floats. Names are those of PyTorch's `nn.Sequential` made of the same layers:
/// `0.weight`, `1.running_mean`, … and `3.layers.0.weight` inside a residual block.
public final class Network {
  /// Where one parameter lies in its buffer.
  public struct Parameter: Sendable {
    public let name: String
    /// Convolution weights are (out, in, k, k), dense weights (out, in), all else (channels).
    public let shape: [Int]
    public let offset: Int
    public var count: Int { shape.reduce(1, *) }
  }

  /// Every option of its layers spelled out.
  public let spec: ModelSpec
  public let dialect: Dialect
  /// What is trained, in the order of the layers.
  public let parameters: [Parameter]
  /// Running means and variances of the batch normalisations.
  public let statistics: [Parameter]

  let values: AlignedBuffer<Float>
  let statisticValues: AlignedBuffer<Float>
  /// dLoss/dParameter of the last training step, laid out as the parameters are.
  private(set) var gradients: AlignedBuffer<Float>
  /// The names of the parameters that are never trained.
  public let frozen: Set<String>
  /// The parameters that gradients are computed for; nil for all.
  private(set) var trained: Set<String>?
  /// Counts changes of `trained`.
  private(set) var trainedVersion = 0
  /// Counts changes of the weights: what was packed from older ones is packed again.
  private(set) var version = 0

  /// Makes the model with freshly drawn weights.
  ///
  /// - Parameter frozen: the names of parameters that are never trained, besides those of layers that
  ///   are not trainable.
  /// - Throws: `invalidArgument` or `shapeMismatch` for a spec that does not fit together.
  public init(
    spec: ModelSpec, dialect: Dialect, seed: UInt64, frozen: Set<String> = []
  ) throws {
    let spec = spec.resolved(for: dialect)
    self.spec = spec
    self.dialect = dialect
    let nodes = try spec.nodes().flatMap(\.all)
    try MemoryNeed.check(Network.weightBytes(of: spec), for: "the weights")
    var parameters = Layout()
    var statistics = Layout()
    for node in nodes {
      for (name, shape) in node.parameters { parameters.add("\(node.path).\(name)", shape) }
      for (name, shape) in node.statistics { statistics.add("\(node.path).\(name)", shape) }
    }
    let untrained = nodes.filter(\.isFrozen).flatMap { node in
      node.parameters.map { "\(node.path).\($0.name)" }
    }
    self.frozen = frozen.union(untrained)
    trained =
      self.frozen.isEmpty ? nil : Set(parameters.entries.map(\.name)).subtracting(self.frozen)
    self.parameters = parameters.entries
    self.statistics = statistics.entries
    values = try AlignedBuffer(count: parameters.size, for: "the weights")
    gradients = try AlignedBuffer(count: 0)
    statisticValues = try AlignedBuffer(count: statistics.size, for: "the statistics")
    initialize(seed: seed, nodes)
  }

  /// Makes a network with the same weights and statistics.
  ///
  /// - Throws: `outOfMemory`.
  public init(copying other: Network) throws {
    spec = other.spec
    dialect = other.dialect
    frozen = other.frozen
    trained = other.trained
    parameters = other.parameters
    statistics = other.statistics
    values = try AlignedBuffer(count: other.values.count, for: "the weights")
    statisticValues = try AlignedBuffer(count: other.statisticValues.count, for: "the statistics")
    gradients = try AlignedBuffer(count: 0)
    copyState(of: other)
  }

  /// Bytes of the weights and statistics of a model that need not be made.
  ///
  /// - Throws: `invalidArgument` or `shapeMismatch` for a spec that does not fit together.
  public static func weightBytes(of spec: ModelSpec) throws -> Int {
    try spec.nodes().flatMap(\.all).reduce(0) {
      $0 + MemoryLayout<Float>.stride * ($1.parameterCount + $1.statisticCount)
    }
  }

  /// Numbers of all parameters.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

  /// Those that are trained.
  public var trainableCount: Int {
    parameters.reduce(0) { $0 + (frozen.contains($1.name) ? 0 : $1.count) }
  }

  /// Weights and statistics, layer by layer.
  public func stateTensors() -> [Tensor] {
    parameters.map { tensor($0, in: values) } + statistics.map { tensor($0, in: statisticValues) }
  }

  /// Bytes of those tensors.
  public var stateBytes: Int {
    (values.count + statisticValues.count) * MemoryLayout<Float>.stride
  }

  /// The gradients that the last training step left, under the names of the weights; none where
  /// nothing was trained.
  public func gradientTensors() -> [Tensor] {
    gradients.count == values.count ? parameters.map { tensor($0, in: gradients) } : []
  }

  /// Makes sure that the tensors of a role are the weights and statistics of this network.
  ///
  /// Those of another role are passed over.
  ///
  /// - Throws: `shapeMismatch`, naming the tensor that is missing, that is not the network's, or
  ///   whose shape is another.
  public func check(_ tensors: [Tensor], as role: TensorRole) throws {
    var given: [String: Tensor] = [:]
    for tensor in tensors where tensor.role == role { given[tensor.name] = tensor }
    for parameter in parameters + statistics {
      guard let tensor = given.removeValue(forKey: role.prefix + parameter.name) else {
        throw CifarError(
          .shapeMismatch, "the weights have no tensor '\(role.prefix + parameter.name)'")
      }
      guard tensor.shape == parameter.shape, tensor.values.count == parameter.count else {
        throw CifarError(
          .shapeMismatch,
          "tensor '\(tensor.name.excerpt)' is \("\(tensor.shape)".excerpt), the model's is \(parameter.shape)"
        )
      }
    }
    if let extra = given.keys.min() {
      throw CifarError(.shapeMismatch, "the model has no tensor '\(extra.excerpt)'")
    }
  }

  /// Takes over weights and statistics: the tensors of the model's role.
  ///
  /// - Throws: as `check`; nothing changes then.
  public func load(_ tensors: [Tensor]) throws {
    try check(tensors, as: .model)
    copy(tensors)
  }

  /// Whether these are all weights and statistics, or all but for what is wrong with them.
  public func isComplete(_ tensors: [Tensor]) -> Bool {
    tensors.count >= parameters.count + statistics.count
  }

  /// Takes over some weights and statistics; the others stay.
  ///
  /// - Throws: `shapeMismatch` for what is not the network's; nothing changes then.
  public func load(partially tensors: [Tensor]) throws {
    let own = Dictionary(
      uniqueKeysWithValues: (parameters + statistics).map { ($0.name, $0.shape) })
    for tensor in tensors where own[tensor.name] != tensor.shape {
      throw CifarError(
        .shapeMismatch,
        "the model has no tensor '\(tensor.name.excerpt)' in the shape "
          + "\("\(tensor.shape)".excerpt)")
    }
    copy(tensors)
  }

  private func copy(_ tensors: [Tensor]) {
    for tensor in tensors {
      if let target = parameters.first(where: { $0.name == tensor.name }) {
        write(tensor.values, to: values.pointer + target.offset)
      } else if let target = statistics.first(where: { $0.name == tensor.name }) {
        write(tensor.values, to: statisticValues.pointer + target.offset)
      }
    }
    version += 1
  }

  /// Runs `body` while the network has other weights and statistics; then it has its own again.
  ///
  /// - Throws: as `load`; `outOfMemory`.
  public func withState<Result>(
    _ tensors: [Tensor], _ body: () throws -> Result
  ) throws -> Result {
    let own = try Network(copying: self)
    try load(tensors)
    defer { copyState(of: own) }
    return try body()
  }

  private func copyState(of other: Network) {
    values.copy(from: other.values)
    statisticValues.copy(from: other.statisticValues)
    weightsChanged()
  }

  /// Done once, by whoever is the first to need the gradients.
  ///
  /// - Throws: `outOfMemory`.
  func allocateGradients() throws {
    guard gradients.count != values.count else { return }
    gradients = try AlignedBuffer(count: values.count, for: "the gradients of the weights")
  }

  /// Its layers, of which those are frozen whose parameters all are.
  ///
  /// - Throws: as `ModelSpec.nodes`.
  func nodes() throws -> [LayerNode] { try spec.nodes().map { $0.freezing(frozen) } }

  /// Says which parameters training steps compute gradients for; those of the others become 0.
  func setTrained(_ names: Set<String>) {
    let names = names.count == parameters.count ? nil : names.subtracting(frozen)
    guard names != trained else { return }
    trained = names
    trainedVersion += 1
    guard gradients.count == values.count else { return }
    for parameter in parameters where !isTrained(parameter.name) {
      (gradients.pointer + parameter.offset).update(repeating: 0, count: parameter.count)
    }
  }

  func isTrained(_ name: String) -> Bool { trained?.contains(name) ?? true }

  /// To be called by whoever writes into the weights.
  func weightsChanged() { version += 1 }

  /// Where the weights of the parameter lie.
  func pointer(_ name: String) throws -> UnsafeMutablePointer<Float> {
    values.pointer + (try offset(name, in: parameters))
  }

  /// Whether there is such a parameter: biases and scales may be left out.
  func has(_ name: String) -> Bool { parameters.contains { $0.name == name } }

  /// Where the parameter's gradient belongs.
  func gradientPointer(_ name: String) throws -> UnsafeMutablePointer<Float> {
    try allocateGradients()
    return gradients.pointer + (try offset(name, in: parameters))
  }

  /// Where the running statistic lies.
  func statisticPointer(_ name: String) throws -> UnsafeMutablePointer<Float> {
    statisticValues.pointer + (try offset(name, in: statistics))
  }

  private func offset(_ name: String, in list: [Parameter]) throws -> Int {
    guard let parameter = list.first(where: { $0.name == name }) else {
      throw CifarError(.internal, "the network has no parameter '\(name)'")
    }
    return parameter.offset
  }

  private func tensor(_ parameter: Parameter, in buffer: AlignedBuffer<Float>) -> Tensor {
    let start = buffer.pointer + parameter.offset
    return Tensor(
      name: parameter.name, shape: parameter.shape,
      values: Array(UnsafeBufferPointer(start: start, count: parameter.count)))
  }

  private func write(_ numbers: [Float], to target: UnsafeMutablePointer<Float>) {
    numbers.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { target.update(from: start, count: source.count) }
    }
  }

  /// Parameters laid one after the other.
  private struct Layout {
    var entries: [Parameter] = []
    var size = 0

    mutating func add(_ name: String, _ shape: [Int]) {
      let parameter = Parameter(name: name, shape: shape, offset: size)
      entries.append(parameter)
      size += (parameter.count + 15) / 16 * 16
    }
  }
}
