import CifarCore
import Kernels

/// How a model is computed, for a person to look at: which layers share a pass over memory, and
/// where their values lie. Nothing is allocated.
public struct PlanSummary: Equatable, Sendable, Encodable {
  /// One operator, in the order of the forward pass.
  public struct Row: Equatable, Sendable, Encodable {
    /// The layers in it. `[a] → b → moments of c`: b computes its input by the layers a as it reads
    /// it, and takes the moments for c as it writes.
    public let layers: String
    /// Residual blocks around it.
    public let depth: Int
    /// `winograd` or `direct` for a convolution.
    public let algorithm: String?
    /// Of one image: (C, H, W) or (N), after a max-pool that a convolution computes; nil for an
    /// operator without values of its own.
    public let outputShape: [Int]?
    /// Of a batch's output, before and after such a max-pool; 0 where it is computed by whoever reads it.
    public let bytes: Int
    /// Which of the gradient buffers the output's gradient lies in.
    public let gradientBuffer: Int?

    private enum CodingKeys: String, CodingKey {
      case layers, depth, algorithm, bytes
      case outputShape = "output_shape"
      case gradientBuffer = "gradient_buffer"
    }
  }

  public let mode: String
  public let batchSize: Int
  public let threads: Int
  public let precision: Precision
  public let instructionSet: String
  public let rows: [Row]
  /// Values between two operators.
  public let activationBytes: Int
  /// Of each gradient buffer.
  public let gradientBytes: [Int]
  /// What pointwise stages keep from the forward to the backward pass: argmax and dropout masks,
  /// maxima, sums.
  public let savedBytes: Int
  /// Intermediate results, used by one operator after the other.
  public let scratchBytes: Int
  public let totalBytes: Int

  private enum CodingKeys: String, CodingKey {
    case mode, threads, precision
    case rows = "operators"
    case batchSize = "batch_size"
    case instructionSet = "instruction_set"
    case activationBytes = "activation_bytes"
    case gradientBytes = "gradient_bytes"
    case savedBytes = "saved_bytes"
    case scratchBytes = "scratch_bytes"
    case totalBytes = "total_bytes"
  }

  /// - Parameter spec: with every option spelled out.
  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the layer; `outOfMemory` for a batch
  ///   that no machine has the memory for; `invalidArgument` or `unsupported` for what `CIFAR_ISA` or
  ///   `CIFAR_CONV` says.
  public init(
    of spec: ModelSpec, training: Bool, batchSize: Int, threads: Int,
    precision: Precision = .float32
  ) throws {
    try Kernels.check()
    if training { try spec.requireTrainable() }
    try precision.check(for: spec)
    let kernels = Kernels.current
    let target = PlanTarget(
      mode: PlanMode(training: training, precision), batchSize: batchSize, threads: threads,
      storage: precision.storage, products: precision.products,
      convolution: try Environment.convolution.get(),
      tiles: KernelTiles(kernels))
    let nodes = try spec.nodes()
    let groups = fuse(nodes, target.mode, convolution: target.convolution)
    let plan = try MemoryPlan(groups, input: nodes[0].input, target: target)
    mode = training ? "training" : "inference"
    self.batchSize = batchSize
    self.threads = threads
    self.precision = precision
    instructionSet = kernels.name
    rows = zip(groups.flatMap(\.lines), plan.operations).map { line, operation in
      let text = line.drop { $0 == " " }
      let outputs = operation.outputs.map { plan.values[$0] }
      return Row(
        layers: String(text), depth: (line.count - text.count) / 2,
        algorithm: operation.algorithm, outputShape: outputs.last?.shape.dimensions,
        bytes: outputs.reduce(0) { $0 + plan.bytes($1) }, gradientBuffer: outputs.last?.gradient)
    }
    activationBytes = plan.valueBytes
    gradientBytes = plan.gradients.map { 4 * $0 * batchSize }
    savedBytes = plan.stageBytes
    scratchBytes = plan.scratchBytes
    totalBytes = plan.bytes
  }

  /// The table and the totals, each line ended by a newline.
  public var text: String {
    var table = TextTable(
      ["Operator", "Algorithm", "Output shape", "Stored", "Gradient"],
      alignment: [.left, .left, .left, .right, .left])
    for row in rows {
      table.add([
        String(repeating: "  ", count: row.depth) + row.layers, row.algorithm ?? "",
        row.outputShape.map { ModelSummary.batch($0) } ?? "",
        row.bytes > 0 ? ByteCount.text(row.bytes) : "",
        row.gradientBuffer.map { "buffer \($0)" } ?? "",
      ])
    }
    var text =
      "Plan for \(mode): batches of \(batchSize), \(precision.rawValue), \(threads) "
      + (threads == 1 ? "thread" : "threads") + ", \(instructionSet)\n" + table.text
    text += "Activations: \(ByteCount.text(activationBytes))\n"
    if !gradientBytes.isEmpty {
      let sizes = gradientBytes.map { ByteCount.text($0) }.joined(separator: " + ")
      text += "Gradients, \(gradientBytes.count) buffers: \(sizes)\n"
    }
    if savedBytes > 0 { text += "Kept by pointwise stages: \(ByteCount.text(savedBytes))\n" }
    text += "Intermediate results: \(ByteCount.text(scratchBytes))\n"
    return text + "Total besides the weights: \(ByteCount.text(totalBytes))\n"
  }
}

extension MemoryPlan.Operation {
  fileprivate var outputs: [Int] {
    switch self {
    case .convolution(_, _, _, let output, let pooled): [output, pooled].compactMap(\.self)
    case .dense(_, _, let output), .single(_, _, let output), .rowActivation(_, _, let output),
      .sum(_, _, _, let output):
      [output]
    case .pointwiseOutput(_, let output): [output]
    case .quantizedInput(_, let input): [input]
    case .pointwiseInput, .statistics, .fork: []
    }
  }

  fileprivate var algorithm: String? {
    guard case .convolution(_, let method, _, _, _) = self else { return nil }
    if case .winograd = method { return "winograd" }
    return "direct"
  }
}
