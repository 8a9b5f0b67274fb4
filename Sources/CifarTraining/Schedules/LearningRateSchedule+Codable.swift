import CifarCore

/// In JSON: `{"type": "cosine", "decay_steps": 100, "unit": "epoch", "warmup": 5}`; what is left out
/// has the value that PyTorch or Keras gives it.
extension LearningRateSchedule: Codable {
  public static let types = ["constant", "cosine", "exponential", "multistep", "step"]

  enum CodingKeys: String, CodingKey {
    case type, unit, warmup, gamma, milestones, alpha, staircase
    case warmupStart = "warmup_start"
    case decayRate = "decay_rate"
    case decaySteps = "decay_steps"
    case stepSize = "step_size"
  }

  var type: String {
    switch curve {
    case .constant: "constant"
    case .exponential: "exponential"
    case .step: "step"
    case .multiStep: "multistep"
    case .cosine: "cosine"
    }
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let type = try values.decode(String.self, forKey: .type)
    switch type {
    case "constant": curve = .constant
    case "exponential":
      curve = .exponential(
        rate: try values.decode(Double.self, forKey: .decayRate),
        steps: try values.decodeIfPresent(Int.self, forKey: .decaySteps) ?? 1,
        staircase: try values.decodeIfPresent(Bool.self, forKey: .staircase) ?? false)
    case "step":
      curve = .step(
        size: try values.decode(Int.self, forKey: .stepSize),
        gamma: try values.decodeIfPresent(Double.self, forKey: .gamma) ?? 0.1)
    case "multistep":
      curve = .multiStep(
        milestones: try values.decode([Int].self, forKey: .milestones),
        gamma: try values.decodeIfPresent(Double.self, forKey: .gamma) ?? 0.1)
    case "cosine":
      curve = .cosine(
        steps: try values.decodeIfPresent(Int.self, forKey: .decaySteps),
        alpha: try values.decodeIfPresent(Double.self, forKey: .alpha) ?? 0)
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: values,
        debugDescription: "unknown schedule '\(type.excerpt)'; use "
          + LearningRateSchedule.types.joined(separator: ", "))
    }
    unit = try values.decodeIfPresent(Unit.self, forKey: .unit) ?? .epoch
    warmup = try values.decodeIfPresent(Int.self, forKey: .warmup) ?? 0
    warmupStart = try values.decodeIfPresent(Double.self, forKey: .warmupStart) ?? 1.0 / 3
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(type, forKey: .type)
    switch curve {
    case .constant: break
    case .exponential(let rate, let steps, let staircase):
      try values.encode(rate, forKey: .decayRate)
      try values.encode(steps, forKey: .decaySteps)
      try values.encode(staircase, forKey: .staircase)
    case .step(let size, let gamma):
      try values.encode(size, forKey: .stepSize)
      try values.encode(gamma, forKey: .gamma)
    case .multiStep(let milestones, let gamma):
      try values.encode(milestones, forKey: .milestones)
      try values.encode(gamma, forKey: .gamma)
    case .cosine(let steps, let alpha):
      try values.encodeIfPresent(steps, forKey: .decaySteps)
      try values.encode(alpha, forKey: .alpha)
    }
    try values.encode(unit, forKey: .unit)
    try values.encode(warmup, forKey: .warmup)
    try values.encode(warmupStart, forKey: .warmupStart)
  }
}
