import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarTraining

/// The rates of PyTorch's schedulers and Keras's schedules: `schedules.json`, written by
/// `make_schedule_golden.py`.
private struct ScheduleGolden: Decodable {
  struct Case: Decodable {
    var schedule: LearningRateSchedule
    var factors: [Double]
  }

  var cases: [Case]
}

@Suite struct ScheduleTests {
  @Test func schedulesAreTheFrameworks() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/schedules.json")
    let golden = try JSONDecoder().decode(ScheduleGolden.self, from: Data(contentsOf: file))
    #expect(golden.cases.count == 10)
    for expected in golden.cases {
      var schedule = expected.schedule
      for (step, factor) in expected.factors.enumerated() {
        schedule.timing.unit = .step
        let bySteps = schedule.factor(step: step, stepsPerEpoch: 9, epochs: 100)
        // Keras computes in 32 bits.
        #expect(abs(bySteps - factor) < 1e-6, "\(schedule), step \(step)")
        schedule.timing.unit = .epoch
        for place in [0, 3, 8] {
          let byEpochs = schedule.factor(step: step * 9 + place, stepsPerEpoch: 9, epochs: 100)
          #expect(byEpochs == bySteps)
        }
      }
    }
  }

  /// Airbench's triangle, as its program tabulates it, and straight lines by parts of epochs.
  @Test func straightLines() {
    let triangle = LearningRateSchedule(Triangular(start: 0.2, peak: 0.23, end: 0.07), unit: .step)
    // 9.9 epochs of 48 steps are 476 in whole numbers, and 0.23 of them 109.
    for (step, factor) in [
      (0, 0.2), (1, 0.2 + 0.8 / 109), (108, 1 - 0.8 / 109), (109, 1), (110, 1 - 0.93 / 367),
      (475, 0.07 + 0.93 / 367), (476, 0.07), (500, 0.07),
    ] {
      let actual = triangle.factor(step: step, stepsPerEpoch: 48, epochs: 9.9)
      #expect(abs(actual - factor) < 1e-12, "\(step)")
    }
    let parts = LearningRateSchedule(
      Triangular(start: 0.2, peak: 0.23, end: 0.07), unit: .fractionalEpoch)
    // 0.23 of 3 epochs of 25 steps are 17 whole ones.
    for (step, factor) in [(0, 0.2), (1, 0.2 + 0.8 / 17), (17, 1), (18, 1 - 0.93 / 58)] {
      let actual = parts.factor(step: step, stepsPerEpoch: 25, epochs: 3)
      #expect(abs(actual - factor) < 1e-12, "\(step)")
    }
    let line = LearningRateSchedule(LinearDecay(steps: 3), unit: .fractionalEpoch)
    for step in 0...80 {
      let actual = line.factor(step: step, stepsPerEpoch: 25, epochs: 8)
      #expect(abs(actual - max(0, 1 - Double(step) / 75)) < 1e-12)
    }
    let whole = LearningRateSchedule(LinearDecay(start: 0.5, end: 0.25), unit: .epoch)
    #expect(whole.factor(step: 30, stepsPerEpoch: 25, epochs: 4) == 0.5 - 0.25 / 4)
    #expect(whole.factor(step: 100, stepsPerEpoch: 25, epochs: 4) == 0.25)
  }

  @Test func aCosineEndsWithTheTraining() {
    let epochs = LearningRateSchedule(CosineDecay(steps: nil, alpha: 0.1), warmup: 2)
    #expect(epochs.factor(step: 2 * 7, stepsPerEpoch: 7, epochs: 12) == 1)
    #expect(abs(epochs.factor(step: 7 * 7, stepsPerEpoch: 7, epochs: 12) - 0.55) < 1e-12)
    #expect(epochs.factor(step: 12 * 7, stepsPerEpoch: 7, epochs: 12) == 0.1)
    let steps = LearningRateSchedule(CosineDecay(steps: nil, alpha: 0), unit: .step)
    #expect(abs(steps.factor(step: 42, stepsPerEpoch: 7, epochs: 12) - 0.5) < 1e-12)
  }

  @Test func comesBackFromJSONAndNeedsNoMoreThanItsType() throws {
    let all: [LearningRateSchedule] = [
      LearningRateSchedule(ConstantCurve(), warmup: 3),
      LearningRateSchedule(ExponentialDecay(rate: 0.9, steps: 4, staircase: true), unit: .step),
      LearningRateSchedule(StepDecay(size: 3, gamma: 0.2)),
      LearningRateSchedule(MultiStepDecay(milestones: [2, 5], gamma: 0.1), warmupStart: 0.5),
      LearningRateSchedule(CosineDecay(steps: nil, alpha: 0)),
      LearningRateSchedule(CosineDecay(steps: 9, alpha: 0.2)),
      LearningRateSchedule(LinearDecay(steps: 4, start: 0.9, end: 0.1), unit: .fractionalEpoch),
      LearningRateSchedule(Triangular(start: 0.1, peak: 0.3, end: 0.2), unit: .step),
    ]
    for schedule in all {
      let text = try StateCoding.encode(schedule)
      let back = try StateCoding.decode(LearningRateSchedule.self, from: text, what: "schedule")
      #expect(back == schedule)
    }
    let short = try StateCoding.decode(
      LearningRateSchedule.self, from: #"{"type":"cosine"}"#, what: "schedule")
    #expect(short == all[4])
    let error = failure {
      try StateCoding.decode(
        LearningRateSchedule.self, from: #"{"type":"cosinus"}"#, what: "schedule")
    }
    #expect(error?.message.contains("unknown schedule 'cosinus'; use constant, cosine") == true)
  }

  @Test func numbersOutOfRangeAreRefused() {
    let wrong: [(LearningRateSchedule, String)] = [
      (
        LearningRateSchedule(ExponentialDecay(rate: 0, steps: 1, staircase: false)),
        "decay_rate 0.0"
      ),
      (
        LearningRateSchedule(ExponentialDecay(rate: 1, steps: 0, staircase: false)), "decay_steps 0"
      ),
      (LearningRateSchedule(StepDecay(size: 0, gamma: 0.1)), "step_size 0"),
      (LearningRateSchedule(StepDecay(size: 1, gamma: .nan)), "gamma nan"),
      (LearningRateSchedule(MultiStepDecay(milestones: [3, 3], gamma: 0.1)), "milestones [3, 3]"),
      (LearningRateSchedule(MultiStepDecay(milestones: [], gamma: 0.1)), "milestones []"),
      (LearningRateSchedule(CosineDecay(steps: 0, alpha: 0)), "decay_steps 0"),
      (LearningRateSchedule(CosineDecay(steps: nil, alpha: 2)), "alpha 2.0"),
      (LearningRateSchedule(ConstantCurve(), warmup: -1), "warmup -1"),
      (LearningRateSchedule(ConstantCurve(), warmup: 1, warmupStart: -0.5), "warmup_start -0.5"),
    ]
    for (schedule, part) in wrong {
      let error = failure { try schedule.validate() }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "no error")")
    }
  }
}
