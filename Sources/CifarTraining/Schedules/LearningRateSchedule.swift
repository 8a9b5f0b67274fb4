import CifarCore

/// A learning rate that follows a plan: a factor for each step, a pure function of its number, so
/// that a resume needs no state for it.
///
/// What callbacks change is the rate that the factor is applied to. Time is counted in epochs, as
/// PyTorch's schedulers are used, or in optimizer steps, as Keras's schedules do. A warm-up comes
/// before, and the curve begins when it is over.
///
/// In JSON, with the curve's name as `type` and its options beside the schedule's own:
/// `{"type": "cosine", "decay_steps": 100, "unit": "epoch", "warmup": 5}`.
public struct LearningRateSchedule: Equatable, Sendable {
  package let curve: any LearningRateCurve
  public var timing: Timing

  /// When the curve begins, and what its time is counted in.
  public struct Timing: DescribedOptions {
    public var unit = Unit.epoch
    public var warmup = 0
    public var warmupStart = 1.0 / 3

    public static let options: [OptionDescription<Self>] = [
      .word("unit", \.unit, "what decay_steps, step_size, milestones and warmup count"),
      .whole(
        "warmup", \.warmup, 0...LearningRateSchedule.mostSteps, "units before the curve begins"),
      .number(
        "warmup_start", \.warmupStart, .from(0, to: 1),
        "factor that the warm-up begins with; PyTorch's LinearLR has 1/3"),
    ]

    public init() {}
  }

  public enum Unit: String, Codable, CaseIterable, Sendable {
    /// Epochs that are over: the rate changes between two of them.
    case epoch
    case step
    /// Epochs and the part of the one under way: the rate changes with each step.
    case fractionalEpoch = "fractional_epoch"
  }

  package init(
    _ curve: some LearningRateCurve, unit: Unit = .epoch, warmup: Int = 0,
    warmupStart: Double = 1.0 / 3
  ) {
    self.curve = curve
    timing = Timing()
    timing.unit = unit
    timing.warmup = warmup
    timing.warmupStart = warmupStart
  }

  package static let curves: [any LearningRateCurve.Type] = [
    ConstantCurve.self, CosineDecay.self, ExponentialDecay.self, LinearDecay.self,
    MultiStepDecay.self, StepDecay.self, Triangular.self,
  ]

  /// What JSON calls them.
  public static let types = curves.map { $0.type }

  public var type: String { curve.type }

  static let mostSteps = 1_000_000_000
  static let counts = 1...mostSteps

  /// The factor of an optimizer step.
  ///
  /// - Parameters:
  ///   - step: from 0 since the start of the run.
  ///   - epochs: the most that the run is to have; perhaps a part of the last.
  public func factor(step: Int, stepsPerEpoch: Int, epochs: Double) -> Double {
    let time: Double
    let all: Double
    switch timing.unit {
    case .epoch:
      time = Double(step / stepsPerEpoch)
      all = epochs.rounded(.up)
    case .step:
      time = Double(step)
      all = (epochs * Double(stepsPerEpoch)).rounded(.up)
    case .fractionalEpoch:
      time = Double(step) / Double(stepsPerEpoch)
      all = epochs
    }
    let warmup = Double(timing.warmup)
    if time < warmup {
      return timing.warmupStart + (1 - timing.warmupStart) * time / warmup
    }
    let step = timing.unit == .fractionalEpoch ? 1 / Double(stepsPerEpoch) : 1
    return curve.factor(time - warmup, of: max(step, all - warmup), step: step)
  }

  /// - Throws: `invalidArgument`, naming the option and its range.
  func validate() throws {
    try timing.validate(as: "schedule \(type)")
    try curve.validate(as: "schedule \(type)")
  }

  public static func == (one: LearningRateSchedule, other: LearningRateSchedule) -> Bool {
    one.timing == other.timing && one.curve.isEqual(to: other.curve)
  }
}

extension LearningRateSchedule: Codable {
  public init(from decoder: any Decoder) throws {
    let index = try OptionsKinds.index(in: LearningRateSchedule.types, from: decoder, "schedule")
    curve = try LearningRateSchedule.curves[index].init(from: decoder)
    timing = try Timing(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    try OptionsKinds.encode(curve, to: encoder)
    try timing.encode(to: encoder)
  }
}
