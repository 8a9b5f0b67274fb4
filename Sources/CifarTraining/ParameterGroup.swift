import CifarCore
import CifarNN

/// Parameters that the optimizer treats in a way of their own. What a group leaves out is the
/// optimizer's.
public struct ParameterGroup: DescribedOptions {
  public var parameters = ""
  public var type: OptimizerSpec.Kind?
  public var learningRate: Double?
  public var momentum: Double?
  public var nesterov: Bool?
  public var weightDecay: Double?
  /// nil for all.
  public var epochs: Double?
  public var schedule: LearningRateSchedule?

  public static let options: [OptionDescription<Self>] = [
    .value(
      OptionRow(
        "parameters", .text, "a pattern, such as 0.weight, batch_norm.bias or *.bias",
        "which: by name or with the layer's type in the place of its number; * stands for any text",
        isRequired: true), \.parameters, fault: ParameterPattern.fault),
    .optional(OptionRow("type", .word, kinds, "which optimizer"), \.type),
    .number("learning_rate", \.learningRate, .above(0), "before the schedule changes it"),
    .number("momentum", \.momentum, .from(0, below: 1), "of sgd and muon"),
    .optional(
      OptionRow("nesterov", .flag, "true or false", "with Nesterov's momentum"), \.nesterov),
    .number("weight_decay", \.weightDecay, .atLeast(0), "as the optimizer's"),
    .number(
      "epochs", \.epochs, .atLeast(0),
      "they are trained for, and then stay as they are; 0 for never, else always"),
    .optional(
      OptionRow("schedule", .object, "one of the schedules", "in the place of the run's"),
      \.schedule),
  ]

  private static let kinds = OptimizerSpec.Kind.allCases.map(\.rawValue).joined(separator: ", ")

  public init() {}

  public init(
    _ parameters: String, type: OptimizerSpec.Kind? = nil, learningRate: Double? = nil,
    momentum: Double? = nil, nesterov: Bool? = nil, weightDecay: Double? = nil,
    epochs: Double? = nil, schedule: LearningRateSchedule? = nil
  ) {
    self.parameters = parameters
    self.type = type
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.epochs = epochs
    self.schedule = schedule
  }
}

/// What a trainer has to know of a group at each step.
struct TrainedGroup {
  /// Of its parameters; nil for those that no group names.
  let pattern: String?
  /// nil for the rate of the run.
  let learningRate: Double?
  /// nil for the schedule of the run.
  let schedule: LearningRateSchedule?
  let weightDecay: Double
  /// nil for all.
  let epochs: Double?

  func isTrained(step: Int, batches: Int) -> Bool {
    guard let epochs else { return true }
    return Double(step) < (epochs * Double(batches)).rounded(.up)
  }
}

extension Hyperparameters {
  /// In the order of `OptimizerSpec.members`.
  ///
  /// - Parameter frozen: see `frozenParameters`.
  func trainedGroups(frozen: Set<String> = []) throws -> [TrainedGroup] {
    try optimizer.members(in: modelSpec, frozen: frozen).map { group, _ in
      let hasOwn = group?.learningRate != nil || group?.schedule != nil
      return TrainedGroup(
        pattern: group?.parameters,
        learningRate: hasOwn ? group?.learningRate ?? optimizer.learningRate : nil,
        schedule: group?.schedule, weightDecay: group?.weightDecay ?? optimizer.weightDecay,
        epochs: group?.epochs)
    }
  }
}

extension OptimizerSpec {
  /// The optimizer of a group, with all that the group leaves out.
  func resolved(_ group: ParameterGroup) -> OptimizerSpec {
    var spec = self
    let isOther = group.type != nil && group.type != type
    spec.type = group.type ?? type
    spec.learningRate = group.learningRate ?? learningRate
    // Another kind of optimizer does not take over what this kind alone has.
    let hasMomentum = spec.type == .sgd || spec.type == .muon
    spec.momentum = group.momentum ?? (isOther && !hasMomentum ? 0 : momentum)
    spec.nesterov = group.nesterov ?? (isOther && !hasMomentum ? false : nesterov)
    spec.weightDecay = group.weightDecay ?? weightDecay
    spec.groups = []
    return spec
  }

  /// The groups with the names of their parameters, the rest at the end.
  ///
  /// - Parameter frozen: parameters that no optimizer has.
  /// - Throws: `invalidArgument` for a group without parameters, `shapeMismatch` for an invalid model.
  func members(
    in spec: ModelSpec, frozen: Set<String> = []
  ) throws -> [(group: ParameterGroup?, names: Set<String>)] {
    var members: [(group: ParameterGroup?, names: Set<String>)] = groups.map { ($0, []) }
    members.append((nil, []))
    var all: [String] = []
    for node in try spec.nodes().flatMap(\.all) {
      for (last, _) in node.parameters {
        let name = "\(node.path).\(last)"
        all.append(name)
        let place =
          groups.firstIndex { ParameterPattern($0.parameters).names(name, of: node.spec.type) }
          ?? groups.count
        members[place].names.insert(name)
      }
    }
    for (group, names) in members where names.isEmpty {
      guard let group else { continue }
      throw CifarError(
        .invalidArgument,
        "the optimizer's group '\(group.parameters.excerpt)' has no parameters of the model, or none "
          + "that no group before it has; there are "
          + all.prefix(12).joined(separator: ", ") + (all.count > 12 ? ", …" : ""))
    }
    return members.map { ($0.group, $0.names.subtracting(frozen)) }.filter { !$0.1.isEmpty }
  }

  /// The optimizers of all groups, in the order of `members`.
  func make(network: Network, pool: ThreadPool) throws -> OptimizerGroups {
    let members = try members(in: network.spec, frozen: network.frozen)
    let clipsOwn = members.count == 1
    return try OptimizerGroups(
      network: network,
      groups: members.map { group, names in
        let subset = network.parameters(named: names)
        let spec = group.map(resolved) ?? self
        let clipping = clipsOwn ? clipping : .none
        return (subset, try spec.makeOne(network, subset, clipping, pool))
      }, clipping: clipsOwn ? .none : clipping, pool: pool)
  }

  private func makeOne(
    _ network: Network, _ subset: ParameterSubset, _ clipping: GradientClipping, _ pool: ThreadPool
  ) throws -> any Optimizer {
    let gradients = GradientOptions(
      clipping: clipping, weightDecay: weightDecay,
      isDecoupled: type == .adamw || network.dialect == .keras)
    switch type {
    case .sgd:
      return try SGD(
        network: network, options: SGDOptions(momentum: momentum, nesterov: nesterov),
        gradients: gradients, subset: subset, pool: pool)
    case .muon:
      return try Muon(
        network: network, options: MuonOptions(momentum: momentum, nesterov: nesterov),
        gradients: gradients, subset: subset, pool: pool)
    case .adam, .adamw:
      return try Adam(
        network: network, options: AdamOptions(beta1: beta1, beta2: beta2, epsilon: epsilon),
        gradients: gradients, subset: subset, pool: pool)
    }
  }
}
