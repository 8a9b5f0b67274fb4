// What of a pointwise stage no convolution does, as operators.

/// The input side.
final class PointwiseInput: Operator {
  private let stage: Pointwise
  private let hasMoments: Bool

  init(_ stage: Pointwise, hasMoments: Bool) {
    self.stage = stage
    self.hasMoments = hasMoments
  }

  func forward(_ pass: Pass) {
    guard pass.training, !hasMoments, stage.norm?.usesBatch == true else { return }
    stage.context.pool.forEach(pass.count * stage.groups) { plane, _ in
      stage.takeMoments(plane: plane)
    }
  }

  func backward(_ pass: Pass) {
    guard let gradient = stage.input.gradient else { return }
    stage.computeGradients(pass.count, to: gradient)
  }
}

/// Between the two sides: sums over the batch become factors.
final class PointwiseStatistics: Operator {
  private let stage: Pointwise

  init(_ stage: Pointwise) { self.stage = stage }

  var parameters: [String] { stage.norm?.parameters ?? [] }
  var sumsOverPeers: Bool { true }

  func forward(_ pass: Pass) { stage.finishMoments(pass) }

  func backward(_ pass: Pass) { stage.finishGradientSums(pass) }
}

/// The output side.
final class PointwiseOutput: Operator {
  private let stage: Pointwise
  private let isEpilogue: Bool

  /// - Parameter isEpilogue: as in `ResidualFork`.
  init(_ stage: Pointwise, isEpilogue: Bool = false) {
    self.stage = stage
    self.isEpilogue = isEpilogue
  }

  /// The way back of some images.
  var gradientSums: any ImageConsumer { stage.gradientSums }

  func forward(_ pass: Pass) { stage.computeAll(pass, to: stage.output.stored) }

  func backward(_ pass: Pass) {
    if isEpilogue { return }
    stage.context.pool.forEach(pass.count * stage.groups) { plane, _ in
      stage.takeGradientSums(plane: plane)
    }
  }
}
