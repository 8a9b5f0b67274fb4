import CheckpointFormat
import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// A whole network: loss and gradients against the same network in double.
@Suite struct NetworkGradientTests {
  @Test(arguments: InstructionSet.all, SmallModel.cases)
  func gradients(set: InstructionSet, model: SmallModel.Case) throws {
    // The first model is the smallest.
    let most = model.spec == SmallModel.spec ? 5 : 2
    // A batch norm of five values makes rounding errors larger by the smallness of their deviation.
    let isTiny = SmallModel.tiny.contains { $0.spec == model.spec }
    try check(
      set, model.spec, most: most, model.testDescription, bound: isTiny ? 2e-4 : 5e-5)
  }

  /// One convolution of every kind on every image from which taps or whole filters fall away. The
  /// one before it asks for the gradient of its input.
  @Test(arguments: InstructionSet.all, 1...3)
  func gradientsOfSmallImages(set: InstructionSet, side: Int) throws {
    for kernel in [1, 2, 3, 5] {
      for stride in [1, 2] {
        for padding in LayerSpec.Padding.allCases where padding != .valid || kernel <= side {
          let spec = ModelSpec(
            input: [3, side, side],
            layers: [
              .conv2d(filters: 4, kernelSize: 1), .relu,
              .conv2d(filters: 5, kernelSize: kernel, stride: stride, padding: padding), .flatten,
              .dense(units: 4),
            ])
          try check(set, spec, most: 3, "\(kernel)×\(kernel)/\(stride) \(padding)")
        }
      }
    }
  }

  private func check(
    _ set: InstructionSet, _ spec: ModelSpec, most: Int, _ name: String, bound: Double = 5e-5
  ) throws {
    let network = try Network(spec: spec, dialect: .pytorch, seed: 5)
    // Those of a fresh network would do nothing where a frozen batch norm takes them.
    try network.load(network.stateTensors().map(withStatistics))
    let plan = try Plan(
      network: network, batchSize: SmallModel.batch, training: true,
      pool: ThreadPool(threads: 2), kernels: set.kernels)
    let images = SmallModel.images(for: spec)
    // Whatever an earlier step left in the gradients' memory must not show.
    _ = plan.trainStep(
      images: SmallModel.images(for: spec, 2), labels: SmallModel.labels, count: SmallModel.batch,
      seed: 1,
      step: 1)
    let result = plan.trainStep(
      images: images, labels: SmallModel.labels, count: SmallModel.batch, seed: 1, step: 2)
    let oracle = try NetworkOracle(
      network, Pass(count: SmallModel.batch, training: true, seed: 1, step: 2),
      labels: SmallModel.labels, set)
    let weights = Dictionary(
      uniqueKeysWithValues: network.stateTensors().map { ($0.name, $0.values.doubles) })
    let loss = result.lossSum / Double(result.count)
    #expect(abs(loss - oracle.loss(weights, images.doubles)) < 1e-5, "\(name)")
    let cancelled = SmallModel.cancelledBiases(of: spec)
    for gradient in network.gradientTensors() {
      if network.frozen.contains(gradient.name) {
        #expect(gradient.values.allSatisfy { $0 == 0 }, "\(name): \(gradient.name)")
        continue
      }
      let values = weights[gradient.name] ?? []
      let error = GradientCheck.relativeError(
        of: gradient.values, at: values, most: most, step: 1e-6
      ) { moved in
        var changed = weights
        changed[gradient.name] = moved
        return oracle.loss(changed, images.doubles)
      }
      // Batch norm takes a bias before it away: its gradient is 0, to rounding in the numerical one.
      if cancelled.contains(gradient.name) {
        #expect(gradient.values.allSatisfy { $0 == 0 }, "\(name): \(gradient.name)")
      } else {
        #expect(error < bound, "\(name): \(gradient.name)")
      }
    }
  }

  private func withStatistics(_ tensor: Tensor) -> Tensor {
    var tensor = tensor
    if tensor.name.hasSuffix(".running_mean") {
      tensor.values = Samples.uniform(tensor.values.count, seed: 3, -0.5, 0.5)
    } else if tensor.name.hasSuffix(".running_var") {
      tensor.values = Samples.uniform(tensor.values.count, seed: 4, 0.3, 2)
    }
    return tensor
  }

  /// A batch norm that is not trainable takes its running statistics in training, and keeps them.
  @Test(arguments: InstructionSet.all)
  func frozenLayersStayAsTheyAre(set: InstructionSet) throws {
    let model = SmallModel.tiny.first { $0.testDescription == "not all trainable" }
    let spec = try #require(model?.spec)
    let network = try Network(spec: spec, dialect: .pytorch, seed: 5)
    try network.load(network.stateTensors().map(withStatistics))
    let before = network.stateTensors()
    let plan = try Plan(
      network: network, batchSize: SmallModel.batch, training: true,
      pool: ThreadPool(threads: 2), kernels: set.kernels)
    _ = plan.trainStep(
      images: SmallModel.images(for: spec), labels: SmallModel.labels, count: SmallModel.batch,
      seed: 1, step: 1)
    let frozen = try spec.nodes().flatMap(\.all).filter(\.isFrozen)
    #expect(frozen.count == 9)
    for (one, other) in zip(before, network.stateTensors()) where one.name.contains("running") {
      let isFrozen = frozen.contains { one.name.hasPrefix($0.path + ".") }
      #expect((one == other) == isFrozen, "\(one.name)")
    }
  }

  /// A batch may be smaller than the plan, and rows of larger batches before it leave no trace.
  @Test(arguments: InstructionSet.all)
  func aSmallerBatch(set: InstructionSet) throws {
    let count = 3
    var gradients: [[Tensor]] = []
    for batchSize in [count, SmallModel.batch] {
      let network = try Network(spec: SmallModel.spec, dialect: .pytorch, seed: 5)
      let plan = try Plan(
        network: network, batchSize: batchSize, training: true, pool: ThreadPool(threads: 2),
        kernels: set.kernels)
      if batchSize > count {
        _ = plan.trainStep(
          images: SmallModel.images(2), labels: SmallModel.labels, count: batchSize, seed: 1,
          step: 1)
      }
      let result = plan.trainStep(
        images: SmallModel.images(), labels: SmallModel.labels, count: count, seed: 1, step: 2)
      #expect(result.count == count)
      gradients.append(network.gradientTensors())
    }
    for (one, other) in zip(gradients[0], gradients[1]) {
      #expect(relativeError(one.values, other.values.doubles) < 2e-5, "\(one.name)")
    }
  }

  @Test(arguments: InstructionSet.all)
  func predictionsAreTheSoftmaxOfTheLogits(set: InstructionSet) throws {
    let network = try Network(spec: SmallModel.spec, dialect: .keras, seed: 5)
    let plan = try Plan(
      network: network, batchSize: SmallModel.batch, training: false,
      pool: ThreadPool(threads: 2), kernels: set.kernels)
    let images = SmallModel.images()
    var probabilities = [Float](repeating: .nan, count: SmallModel.batch * 4)
    plan.predict(images: images, count: SmallModel.batch, probabilities: &probabilities)
    let logits = Array(UnsafeBufferPointer(start: plan.lastLogits, count: SmallModel.batch * 4))
    #expect(relativeError(probabilities, RowOracles.softmax(logits.doubles, classes: 4)) < 1e-6)
    let result = plan.evaluate(
      images: images, labels: SmallModel.labels, count: SmallModel.batch)
    let loss = RowOracles.crossEntropy(
      logits.doubles, labels: SmallModel.labels.map(Int.init), classes: 4)
    #expect(abs(result.lossSum / 5 - loss) < 1e-5)
    // One image at a time gives the same.
    var single = [Float](repeating: .nan, count: 4)
    plan.predict(images: Array(images[(2 * 216)...]), count: 1, probabilities: &single)
    #expect(relativeError(single, Array(probabilities[8..<12]).doubles) < 1e-6)
  }

  @Test func aPlanOfNoImagesIsRefused() throws {
    let network = try Network(spec: SmallModel.spec, dialect: .pytorch, seed: 5)
    let error = #expect(throws: CifarError.self) {
      try Plan(network: network, batchSize: 0, training: true, pool: ThreadPool(threads: 1))
    }
    #expect(error?.code == .invalidArgument)
  }
}
