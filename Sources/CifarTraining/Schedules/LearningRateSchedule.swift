import CifarCore
import Glibc

/// A learning rate that follows a plan: a factor for each step, a pure function of its number, so
/// that a resume needs no state for it.
///
/// What callbacks change is the rate that the factor is applied to. Time is counted in epochs, as
/// PyTorch's schedulers are used, or in optimizer steps, as Keras's schedules do. A warm-up comes
/// before, and the curve begins when it is over.
public struct LearningRateSchedule: Equatable, Sendable {
  public var curve: Curve
  public var unit: Unit
  /// Epochs or steps of the warm-up; 0 for none.
  public var warmup: Int
  /// The factor that the warm-up begins with; PyTorch's `LinearLR` has ⅓.
  public var warmupStart: Double

  public enum Unit: String, Codable, CaseIterable, Sendable {
    case epoch
    case step
  }

  /// How the factor goes down with the time t since the warm-up.
  public enum Curve: Equatable, Sendable {
    /// 1: for a warm-up alone.
    case constant
    /// rate^(t / steps), with `staircase` rate^⌊t / steps⌋: Keras's `ExponentialDecay`, and with
    /// one epoch a step PyTorch's `ExponentialLR`.
    case exponential(rate: Double, steps: Int, staircase: Bool)
    /// gamma^⌊t / size⌋: PyTorch's `StepLR`.
    case step(size: Int, gamma: Double)
    /// gamma^(milestones that are over): PyTorch's `MultiStepLR`.
    case multiStep(milestones: [Int], gamma: Double)
    /// alpha + (1 − alpha)·(1 + cos(π·t / steps)) / 2 and alpha from then on: Keras's
    /// `CosineDecay`, PyTorch's `CosineAnnealingLR` with eta_min = alpha · rate. Without `steps` it
    /// ends when training does.
    case cosine(steps: Int?, alpha: Double)
  }

  public init(
    _ curve: Curve, unit: Unit = .epoch, warmup: Int = 0, warmupStart: Double = 1.0 / 3
  ) {
    self.curve = curve
    self.unit = unit
    self.warmup = warmup
    self.warmupStart = warmupStart
  }

  /// The factor of an optimizer step.
  ///
  /// - Parameters:
  ///   - step: from 0 since the start of the run.
  ///   - epochs: the most that the run is to have.
  public func factor(step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    let time = unit == .step ? step : step / stepsPerEpoch
    if time < warmup {
      return warmupStart + (1 - warmupStart) * Double(time) / Double(warmup)
    }
    let t = Double(time - warmup)
    switch curve {
    case .constant: return 1
    case .exponential(let rate, let steps, let staircase):
      let exponent = t / Double(steps)
      return pow(rate, staircase ? exponent.rounded(.down) : exponent)
    case .step(let size, let gamma): return pow(gamma, (t / Double(size)).rounded(.down))
    case .multiStep(let milestones, let gamma):
      return pow(gamma, Double(milestones.count { Double($0) <= t }))
    case .cosine(let steps, let alpha):
      let all = unit == .step ? epochs * stepsPerEpoch : epochs
      let length = Double(steps ?? max(1, all - warmup))
      return alpha + (1 - alpha) * (1 + cos(.pi * min(t / length, 1))) / 2
    }
  }

  static let mostSteps = 1_000_000_000

  /// - Throws: `invalidArgument`, naming the option and its range.
  func validate() throws {
    func check(_ holds: Bool, _ what: String) throws {
      guard holds else { throw CifarError(.invalidArgument, "schedule \(type): \(what)") }
    }
    let counts = 1...LearningRateSchedule.mostSteps
    try check((0...counts.upperBound).contains(warmup), "warmup \(warmup) is not 0 or above")
    try check(
      warmupStart >= 0 && warmupStart <= 1, "warmup_start \(warmupStart) is not in 0 to 1")
    switch curve {
    case .constant: break
    case .exponential(let rate, let steps, _):
      try check(rate > 0 && rate <= 1, "decay_rate \(rate) is not in (0, 1]")
      try check(counts.contains(steps), "decay_steps \(steps) is not at least 1")
    case .step(let size, let gamma):
      try check(gamma > 0 && gamma <= 1, "gamma \(gamma) is not in (0, 1]")
      try check(counts.contains(size), "step_size \(size) is not at least 1")
    case .multiStep(let milestones, let gamma):
      try check(gamma > 0 && gamma <= 1, "gamma \(gamma) is not in (0, 1]")
      try check(
        !milestones.isEmpty && milestones.allSatisfy(counts.contains)
          && zip(milestones, milestones.dropFirst()).allSatisfy(<),
        "milestones \(milestones) are not rising numbers of at least 1")
    case .cosine(let steps, let alpha):
      try check(alpha >= 0 && alpha <= 1, "alpha \(alpha) is not in 0 to 1")
      try check(steps.map(counts.contains) ?? true, "decay_steps \(steps ?? 0) is not at least 1")
    }
  }
}
