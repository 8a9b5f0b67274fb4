import CifarCore
import CifarNN

/// How weights are moved by their gradients.
public struct OptimizerSpec: Equatable, Sendable {
  /// `adam`, `adamw` or `sgd`.
  public var type: String
  public var learningRate: Double
  /// Adam's.
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// SGD's; 0 for none.
  public var momentum = 0.0
  public var nesterov = false
  /// With `adamw` and in the Keras dialect apart from the gradient, else as an L2 penalty in it:
  /// what `weight_decay` means to `torch.optim.SGD` and `Adam`.
  public var weightDecay = 0.0
  /// The largest norm of all gradients together, `clip_norm`: `clip_grad_norm_` of PyTorch, Keras's
  /// `global_clipnorm`; nil for any.
  public var clipNorm: Double?
  /// The largest norm of each parameter's gradient, Keras's `clipnorm`; nil for any.
  public var clipVariableNorm: Double?
  /// The largest amount of each gradient, Keras's `clipvalue` and PyTorch's `clip_grad_value_`; nil
  /// for any. One of the three ways to clip at most.
  public var clipValue: Double?

  public static let types = ["adam", "adamw", "sgd"]

  private var clipping: GradientClipping {
    if let clipNorm { return .norm(clipNorm) }
    if let clipVariableNorm { return .variableNorm(clipVariableNorm) }
    if let clipValue { return .value(clipValue) }
    return .none
  }

  func make(network: Network, pool: ThreadPool) throws -> any Optimizer {
    let gradients = GradientOptions(
      clipping: clipping, weightDecay: weightDecay,
      isDecoupled: type == "adamw" || network.dialect == .keras)
    if type == "sgd" {
      return try SGD(
        network: network, options: SGDOptions(momentum: momentum, nesterov: nesterov),
        gradients: gradients, pool: pool)
    }
    return try Adam(
      network: network,
      options: AdamOptions(beta1: beta1, beta2: beta2, epsilon: epsilon), gradients: gradients,
      pool: pool)
  }

  /// - Throws: `invalidArgument`, naming the option and its range.
  func validate() throws {
    guard OptimizerSpec.types.contains(type) else {
      throw CifarError(
        .invalidArgument,
        "unknown optimizer '\(type.excerpt)'; use \(OptimizerSpec.types.joined(separator: ", "))")
    }
    guard learningRate.isFinite, learningRate > 0 else {
      throw CifarError(
        .invalidArgument, "learning rate \(learningRate) is not a positive number")
    }
    guard (0..<1).contains(beta1), (0..<1).contains(beta2) else {
      throw CifarError(.invalidArgument, "beta1 \(beta1) and beta2 \(beta2) must be in [0, 1)")
    }
    guard epsilon.isFinite, epsilon > 0 else {
      throw CifarError(.invalidArgument, "epsilon \(epsilon) is not a positive number")
    }
    guard (0..<1).contains(momentum) else {
      throw CifarError(.invalidArgument, "momentum \(momentum) is not in [0, 1)")
    }
    guard type == "sgd" || momentum == 0 else {
      throw CifarError(
        .invalidArgument, "momentum \(momentum) is sgd's; \(type) has beta1 and beta2")
    }
    guard !nesterov || momentum > 0 else {
      throw CifarError(.invalidArgument, "nesterov needs a momentum above 0, such as 0.9")
    }
    guard weightDecay.isFinite, weightDecay >= 0 else {
      throw CifarError(.invalidArgument, "weight_decay \(weightDecay) is not 0 or above")
    }
    var limits: [String] = []
    for (name, limit) in [
      ("clip_norm", clipNorm), ("clipnorm", clipVariableNorm), ("clipvalue", clipValue),
    ] {
      guard let limit else { continue }
      guard limit.isFinite, limit > 0 else {
        throw CifarError(.invalidArgument, "\(name) \(limit) is not a positive number")
      }
      limits.append(name)
    }
    guard limits.count <= 1 else {
      throw CifarError(
        .invalidArgument,
        "\(limits.joined(separator: " and ")) exclude each other: clip_norm is for all gradients "
          + "together, clipnorm for each parameter's, clipvalue for each number")
    }
  }
}

extension OptimizerSpec: Codable {
  enum CodingKeys: String, CodingKey {
    case type, beta1, beta2, epsilon, momentum, nesterov
    case learningRate = "learning_rate"
    case weightDecay = "weight_decay"
    case clipNorm = "clip_norm"
    case clipVariableNorm = "clipnorm"
    case clipValue = "clipvalue"
  }

  /// Older hyperparameters have Adam's options alone.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    type = try values.decode(String.self, forKey: .type)
    learningRate = try values.decode(Double.self, forKey: .learningRate)
    beta1 = try values.decode(Double.self, forKey: .beta1)
    beta2 = try values.decode(Double.self, forKey: .beta2)
    epsilon = try values.decode(Double.self, forKey: .epsilon)
    momentum = try values.decodeIfPresent(Double.self, forKey: .momentum) ?? 0
    nesterov = try values.decodeIfPresent(Bool.self, forKey: .nesterov) ?? false
    weightDecay = try values.decodeIfPresent(Double.self, forKey: .weightDecay) ?? 0
    clipNorm = try values.decodeIfPresent(Double.self, forKey: .clipNorm)
    clipVariableNorm = try values.decodeIfPresent(Double.self, forKey: .clipVariableNorm)
    clipValue = try values.decodeIfPresent(Double.self, forKey: .clipValue)
  }
}
