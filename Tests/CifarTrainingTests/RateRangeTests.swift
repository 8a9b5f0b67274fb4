import CifarCore
import CifarNN
import Foundation
import TestSupport
import Testing

@testable import CifarTraining

/// The rate range test: which rates it takes, and what it makes of the losses.
@Suite struct RateRangeTests {
  private typealias Point = RateRangeTest.Point

  /// Losses over rates that grow tenfold every ten points, as they are.
  private func range(
    hasDiverged: Bool, _ losses: [Double], wasEnded: Bool = false
  ) -> RateRange {
    let points = losses.enumerated().map { index, loss in
      Point(rate: 1e-5 * Double.pow10(Double(index) / 10), loss: loss, smoothedLoss: loss)
    }
    return RateRange(
      points: points, hasDiverged: hasDiverged, wasEnded: wasEnded, current: 0.001)
  }

  /// Flat at 2.3 to 1e-4, down to 1.3 at 1e-2, up to 6.
  private let valley: [Double] =
    (0..<10).map { _ in 2.3 } + (0...20).map { 2.3 - 0.05 * Double($0) }
    + (1...10).map { 1.3 + 0.47 * Double($0) }

  @Test func aTenthOfTheMinimumIsSuggested() throws {
    let range = range(hasDiverged: true, valley)
    #expect(abs(try #require(range.minimum) - 0.01) < 1e-9)
    // Its slope is the same all the way: the first place counts.
    let steepest = try #require(range.steepest)
    #expect((1e-4...1e-2).contains(steepest))
    #expect(range.suggestion == min(steepest, try #require(range.minimum) / 10))
    #expect(range.reason.hasPrefix("The loss is smallest at 0.01, and falls fastest at "))
    #expect(range.reason.hasSuffix("; the training would have had 0.001."))
  }

  /// A loss that begins low by chance is not the smallest.
  @Test func theFirstBatchesAreNoMinimum() throws {
    let range = range(hasDiverged: true, [1.2, 1.25] + valley.dropFirst(2))
    #expect(abs(try #require(range.minimum) - 0.01) < 1e-9)
    #expect(range.suggestion != nil)
  }

  /// A network that dies at large rates has its smallest loss there.
  @Test func theSteepestIsSuggestedWhereItIsLess() throws {
    let falling: [Double] = (0...20).map { 2.6 - 0.001 * Double($0 * $0) }
    let dead: [Double] = (0..<30).map { 2.2 - 0.001 * Double($0) }
    let range = range(hasDiverged: false, falling + dead + [2.3, 2.4])
    #expect(range.suggestion == range.steepest)
    #expect(range.reason.contains("the latter, which is less than a tenth of the former"))
  }

  @Test func whatHasNotGrownShowsNoEnd() {
    let range = range(hasDiverged: false, (0...20).map { 2.3 - 0.05 * Double($0) })
    #expect(range.suggestion == range.steepest)
    #expect(range.reason.contains("the end of the test"))
  }

  @Test func nothingIsSuggestedWhereTheLossFallsNowhere() {
    for losses in [[2.3], [2.3, 2.3, 2.31], [2.3, 2.29, 2.4], [1, 2, 3]] {
      for wasEnded in [false, true] {
        let range = range(hasDiverged: true, losses, wasEnded: wasEnded)
        #expect(range.suggestion == nil && range.minimum == nil && range.steepest == nil)
        #expect(range.reason.contains(wasEnded ? "was ended" : "falls nowhere between 1e-05"))
      }
    }
  }

  @Test func aSmallFallIsToldInNumbers() {
    let range = range(hasDiverged: true, [2.0, 2.0, 1.99, 1.99, 2.1])
    #expect(range.suggestion == nil)
    #expect(range.reason.contains("by more than batches differ: it falls by 0."), "\(range.reason)")
    #expect(range.reason.contains(" % (from 2.0 to "))
  }

  @Test func ratesAreWrittenWithTwoDigits() {
    #expect(RateRange.text(0.00242) == "0.0024")
    #expect(RateRange.text(0.0996) == "0.1")
    #expect(RateRange.text(3) == "3.0")
    #expect(RateRange.text(1.23e-7) == "1.2e-07")
    #expect(RateRange.text(.infinity) == "inf")
  }

  private func hyperparameters() throws -> Hyperparameters {
    var result = try Hyperparameters.quick("pytorch", epochs: 3)
    result.schedule = LearningRateSchedule(CosineDecay())
    result.optimizer.groups = [ParameterGroup("*.bias", learningRate: 0.004)]
    return result
  }

  /// By the definition, and the loss of a training that sets these rates itself.
  @Test func everyStepHasItsRateAndItsLoss() throws {
    var test = RateRangeTest()
    (test.start, test.end, test.steps) = (1e-6, 1e-3, 10)
    var seen: [Double] = []
    let hyperparameters = try hyperparameters()
    let train = try Images.train(70)
    let range = try test.run(hyperparameters, train: train, threads: 2) {
      seen.append($0.loss)
      return true
    }
    #expect(range.points.count == 10 && !range.hasDiverged)
    #expect(seen == range.points.map(\.loss))
    var average = 0.0
    for (index, point) in range.points.enumerated() {
      let rate = 1e-6 * Double.pow10(Double(index) / 3)
      #expect(abs(point.rate / rate - 1) < 1e-12)
      average = 0.9 * average + 0.1 * point.loss
      let expected = average / (1 - Double.power(0.9, index + 1))
      #expect(abs(point.smoothedLoss / expected - 1) < 1e-12)
    }
    // A second time, and with another number of threads: the same.
    let again = try test.run(hyperparameters, train: train, threads: 1)
    #expect(again.points == range.points)
    // The rates matter.
    test.end = 1e-2
    #expect(try test.run(hyperparameters, train: train, threads: 1).points != range.points)
  }

  @Test func itEndsWhereTheLossIsTooLarge() throws {
    var test = RateRangeTest()
    (test.start, test.end, test.steps) = (1e-4, 1e30, 60)
    let range = try test.run(hyperparameters(), train: Images.train(70), threads: 2)
    #expect(range.hasDiverged && range.points.count < 60)
    for point in range.points.dropLast() {
      let best = range.points.map(\.smoothedLoss).min() ?? 0
      #expect(point.smoothedLoss <= 4 * best)
    }
    let some = try test.run(hyperparameters(), train: Images.train(70), threads: 2) {
      $0.rate < 1e-3
    }
    #expect(some.points.count == 3 && !some.hasDiverged)
  }

  @Test func valuesOutOfRangeAreRefused() throws {
    for (start, end, steps) in [
      (0, 1, 100), (1e-3, 1e-3, 100), (1, .infinity, 100), (.nan, 1, 100), (1e-7, 1, 9),
      (1e-7, 1, 10_001), (-1, 1, 100),
    ] {
      var test = RateRangeTest()
      (test.start, test.end, test.steps) = (start, end, steps)
      let error = #expect(throws: CifarError.self) { try test.validate() }
      #expect(error?.code == .invalidArgument)
    }
  }
}

extension Double {
  fileprivate static func pow10(_ exponent: Double) -> Double { Foundation.pow(10, exponent) }
  fileprivate static func power(_ base: Double, _ exponent: Int) -> Double {
    Foundation.pow(base, Double(exponent))
  }
}
