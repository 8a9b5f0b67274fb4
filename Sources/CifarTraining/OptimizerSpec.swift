import CifarCore
import CifarNN

/// How weights are moved by their gradients.
public struct OptimizerSpec: DescribedOptions {
  public var type = Kind.adam
  public var learningRate = 1e-3
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-8
  public var momentum = 0.0
  public var nesterov = false
  public var weightDecay = 0.0
  public var clipNorm: Double?
  public var clipVariableNorm: Double?
  public var clipValue: Double?
  /// A parameter belongs to the first of them that names it.
  public var groups: [ParameterGroup] = []

  public enum Kind: String, Codable, CaseIterable, Sendable {
    case adam, adamw, sgd, muon
  }

  public static let options: [OptionDescription<Self>] = [
    .word("type", \.type, isRequired: true, "which optimizer"),
    .number(
      "learning_rate", \.learningRate, .above(0), isRequired: true,
      "before the schedule and the callbacks change it"),
    .number("beta1", \.beta1, .from(0, below: 1), isRequired: true, "of adam, adamw"),
    .number("beta2", \.beta2, .from(0, below: 1), isRequired: true, "of adam, adamw"),
    .number("epsilon", \.epsilon, .above(0), isRequired: true, "of adam, adamw"),
    .number("momentum", \.momentum, .from(0, below: 1), "of sgd and muon"),
    .flag("nesterov", \.nesterov, "with Nesterov's momentum"),
    // What `weight_decay` means to `torch.optim.SGD` and `Adam`, to AdamW and to Keras's optimizers.
    .number(
      "weight_decay", \.weightDecay, .atLeast(0),
      "decoupled with adamw and in keras, else L2 in the gradient"),
    .number(
      "clip_norm", \.clipNorm, .above(0),
      "largest norm of all gradients together: clip_grad_norm_, Keras's global_clipnorm"),
    .number(
      "clipnorm", \.clipVariableNorm, .above(0),
      "largest norm of each parameter's gradient, as Keras"),
    .number(
      "clipvalue", \.clipValue, .above(0),
      "largest amount of each gradient: Keras's clipvalue, clip_grad_value_"),
    .value(
      OptionRow(
        "groups", .list, "a list of parameter groups",
        "parameters with options of their own; a parameter belongs to the first group that names it"
      ),
      \.groups
    ).showing { $0.groups.map(\.parameters).joined(separator: ", ") },
  ]

  public init() {}

  public init(
    type: Kind, learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double
  ) {
    self.type = type
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  var clipping: GradientClipping {
    if let clipNorm { return .norm(clipNorm) }
    if let clipVariableNorm { return .variableNorm(clipVariableNorm) }
    if let clipValue { return .value(clipValue) }
    return .none
  }

  public var conflict: String? {
    if let conflict = momentumConflict { return conflict }
    for group in groups {
      if let conflict = resolved(group).momentumConflict {
        return "group '\(group.parameters.excerpt)': \(conflict)"
      }
    }
    let limits = [
      ("clip_norm", clipNorm), ("clipnorm", clipVariableNorm), ("clipvalue", clipValue),
    ].filter { $0.1 != nil }.map(\.0)
    guard limits.count > 1 else { return nil }
    return
      "\(limits.joined(separator: " and ")) exclude each other: clip_norm is for all gradients "
      + "together, clipnorm for each parameter's, clipvalue for each number"
  }

  private var momentumConflict: String? {
    if type != .sgd && type != .muon && momentum != 0 {
      return "momentum \(momentum) is that of sgd and muon; \(type.rawValue) has beta1 and beta2"
    }
    if nesterov && momentum == 0 { return "nesterov needs a momentum above 0, such as 0.9" }
    return nil
  }
}
