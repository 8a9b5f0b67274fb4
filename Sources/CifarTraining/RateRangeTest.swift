import CifarCore
import CifarData
import CifarNN
import Glibc

/// Looks for a learning rate: a short training whose rate grows from step to step by the same factor,
/// from far too small to far too large, and the loss of each step.
///
/// Source: Smith 2015, "Cyclical Learning Rates for Training Neural Networks", arXiv 1506.01186. That
/// the test ends where the smoothed loss is four times its smallest is fastai's. Groups of parameters
/// with rates of their own keep their share of the optimizer's. Nothing is recorded.
public struct RateRangeTest: Sendable {
  /// The rate of the first step.
  public var start = 1e-7
  /// The rate of the last step.
  public var end = 10.0
  public var steps = 100

  public static let mostSteps = 10_000
  /// What the smoothed loss keeps of the one before.
  static let smoothing = 0.9
  /// How often the smallest loss is too much.
  static let limit = 4.0

  /// Hyperparameters that have no part in it, by their names in JSON.
  public static let unused = Set(
    ["epochs", "steps_per_epoch", "schedule", "ema", "lookahead", "tta"] + CallbackSpec.types)

  public init() {}

  /// - Throws: `invalidArgument`, naming the option and its range.
  public func validate() throws {
    guard start > 0, start.isFinite, end > start, end.isFinite else {
      throw CifarError(
        .invalidArgument, "the rates \(start) to \(end) are not above 0, the second the larger")
    }
    for (rate, step) in [(start, "first"), (end, "last")] {
      guard let fault = NumberRange.float32Fault(rate) else { continue }
      throw CifarError(.invalidArgument, "the rate of the \(step) step, \(fault)")
    }
    guard (10...Self.mostSteps).contains(steps) else {
      throw CifarError(.invalidArgument, "steps \(steps) is not in 10 to \(Self.mostSteps)")
    }
  }

  /// One step.
  public struct Point: Equatable, Sendable {
    public let rate: Double
    /// Of its batch.
    public let loss: Double
    /// An exponential moving average, corrected for its beginning at 0.
    public let smoothedLoss: Double
  }

  /// - Parameters:
  ///   - hyperparameters: those of the training that needs a rate, but for `unused`; with a
  ///     validation split only the images that are left to train on.
  ///   - weights: to begin with.
  ///   - threads: that compute.
  ///   - observe: is told of every step; ends the test with false.
  /// - Throws: as a `Trainer` does; `notFinite` where the very first loss is not a number.
  public func run(
    _ hyperparameters: Hyperparameters, train: Dataset, weights: InitialWeights? = nil,
    threads: Int, observe: @escaping (Point) throws -> Bool = { _ in true }
  ) throws -> RateRange {
    try validate()
    var tested = hyperparameters
    tested.schedule = nil
    tested.callbacks = []
    tested.ema = nil
    tested.lookahead = nil
    var train = train
    if let share = tested.validationSplit {
      train = try train.stratifiedSplit(share: share, seed: tested.seed).rest
      tested.validationSplit = nil
    }
    tested.stepsPerEpoch = steps
    tested.epochs = 1
    let trainer = try Trainer(
      hyperparameters: tested, train: train, validation: train, threads: threads,
      weights: weights)
    let base = tested.optimizer.learningRate
    let (start, ratio) = (start, end / start)
    let last = Double(steps - 1)
    trainer.testedFactor = { start / base * pow(ratio, Double($0) / last) }
    let follower = Follower(observe)
    do {
      _ = try trainer.run([follower])
    } catch let error as CifarError where error.code == .notFinite {
      guard !follower.points.isEmpty else { throw error }
      follower.hasDiverged = true
    }
    return RateRange(
      points: follower.points, hasDiverged: follower.hasDiverged,
      wasEnded: follower.wasEnded, current: base)
  }

  /// Takes the loss of every batch, and ends the test.
  private final class Follower: TrainerObserver {
    var points: [Point] = []
    var hasDiverged = false
    var wasEnded = false
    private let tell: (Point) throws -> Bool
    private var sum = 0.0
    private var images = 0
    private var average = 0.0
    private var weight = 1.0
    private var best = Double.infinity

    init(_ tell: @escaping (Point) throws -> Bool) { self.tell = tell }

    func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
      guard case .batchEnd(let progress) = event else { return .proceed }
      let total = progress.loss * Double(progress.images)
      let loss = (total - sum) / Double(progress.images - images)
      (sum, images) = (total, progress.images)
      average = RateRangeTest.smoothing * average + (1 - RateRangeTest.smoothing) * loss
      weight *= RateRangeTest.smoothing
      let point = Point(
        rate: progress.learningRate, loss: loss, smoothedLoss: average / (1 - weight))
      points.append(point)
      best = min(best, point.smoothedLoss)
      hasDiverged = point.smoothedLoss > RateRangeTest.limit * best
      wasEnded = try !tell(point)
      // Before the validation that an epoch ends with.
      return hasDiverged || wasEnded || progress.batch == progress.batches ? .stop : .proceed
    }
  }
}
