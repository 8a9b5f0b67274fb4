import CifarCore
import Kernels

/// Buffers and operators, as a memory plan describes them.
struct Assembly {
  private(set) var activations: [Activation] = []
  private(set) var operators: [any Operator] = []

  /// - Throws: `outOfMemory`.
  init(_ plan: MemoryPlan, _ context: OperatorContext) throws {
    let gradients = try plan.gradients.map { floats in
      try AlignedBuffer<Float>(
        count: floats * plan.target.batchSize, for: "the gradients of the activations")
    }
    for value in plan.values {
      activations.append(
        try Assembly.activation(value, value.gradient.map { gradients[$0] }, activations, context))
    }
    let stages = try plan.stages.map { stage in
      try Pointwise(
        stage.group, input: activations[stage.input], output: activations[stage.output],
        context: context)
    }
    func stage(_ group: PointwiseGroup) throws -> Pointwise {
      guard let place = plan.stages.firstIndex(where: { $0.group.path == group.path }) else {
        throw CifarError(.internal, "the memory plan has no stage \(group)")
      }
      return stages[place]
    }
    let epilogues = plan.operations.indices.map { plan.backwardEpilogue(ofOperation: $0) }
    for (index, operation) in plan.operations.enumerated() {
      let consumers = operators[epilogues[index]].reversed().compactMap(\.gradientConsumer)
      operators.append(
        try make(
          operation, stage, isEpilogue: epilogues.contains { $0.contains(index) },
          consumers.isEmpty ? nil : ImageConsumers(consumers), context))
    }
  }

  private static func activation(
    _ value: MemoryPlan.Value, _ gradient: AlignedBuffer<Float>?, _ others: [Activation],
    _ context: OperatorContext
  ) throws -> Activation {
    var storage: Storage?
    switch value.place {
    case .shared(let other):
      return Activation(
        of: others[other], batchSize: context.batchSize, gradient: gradient)
    case .stored(let kept): storage = kept
    case .computed: storage = nil
    }
    return try Activation(
      shape: value.shape, lanes: context.kernels.lanes, batchSize: context.batchSize,
      storage: storage, step: value.step, gradient: gradient)
  }

  private func make(
    _ operation: MemoryPlan.Operation, _ stage: (PointwiseGroup) throws -> Pointwise,
    isEpilogue: Bool, _ gradientConsumer: (any ImageConsumer)?, _ context: OperatorContext
  ) throws -> any Operator {
    switch operation {
    case .quantizedInput: QuantizedInput()
    case .convolution(let group, let method, let input, let output, _):
      try Convolution(
        group, method, input: activations[input], output: activations[output],
        prologue: group.prologue.map(stage), pooling: group.pooling.map(stage),
        consumer: group.consumer.map(stage),
        gradientConsumer: gradientConsumer, context: context)
    case .pointwiseInput(let group, let hasMoments):
      PointwiseInput(try stage(group), hasMoments: hasMoments)
    case .statistics(let group): PointwiseStatistics(try stage(group))
    case .pointwiseOutput(let group, _):
      PointwiseOutput(try stage(group), isEpilogue: isEpilogue)
    case .dense(let group, let input, let output):
      try Dense(
        group, input: activations[input], output: activations[output], context: context)
    case .single(let node, let input, let output):
      try node.singleLayer().init(
        node, input: activations[input], output: activations[output], context: context)
    case .rowActivation(let group, let input, let output):
      try RowActivation(
        group, input: activations[input], output: activations[output], context: context)
    case .fork(let input, let shortcut):
      ResidualFork(
        input: activations[input], shortcut: activations[shortcut], isEpilogue: isEpilogue,
        context: context)
    case .sum(let group, let layers, let shortcut, let output):
      ResidualSum(
        layers: .init(activations[layers], try group.layersEnd.map(stage)),
        shortcut: .init(activations[shortcut], try group.shortcutEnd.map(stage)),
        output: activations[output], relu: group.relu != nil, isEpilogue: isEpilogue,
        context: context)
    }
  }
}

extension Operator {
  /// What does the operator's way back for some images; nil where that is not a matter of images.
  fileprivate var gradientConsumer: (any ImageConsumer)? {
    (self as? PointwiseOutput)?.gradientSums ?? self as? any ImageConsumer
  }
}
