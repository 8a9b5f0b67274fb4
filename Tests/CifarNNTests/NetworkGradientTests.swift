import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// A whole network: loss and gradients against the same network in double.
@Suite struct NetworkGradientTests {
  @Test(arguments: InstructionSet.all)
  func gradients(set: InstructionSet) throws {
    let network = try Network(spec: SmallModel.spec, dialect: .pytorch, seed: 5)
    let plan = try Plan(
      network: network, batchSize: SmallModel.batch, training: true,
      pool: ThreadPool(threads: 2), kernels: set.kernels)
    let images = SmallModel.images()
    let result = plan.trainStep(
      images: images, labels: SmallModel.labels, count: SmallModel.batch, seed: 1, step: 2)
    let oracle = try Oracle(
      network, Pass(count: SmallModel.batch, training: true, seed: 1, step: 2), set)
    let weights = Dictionary(
      uniqueKeysWithValues: network.stateTensors().map { ($0.name, $0.values.doubles) })
    let loss = result.lossSum / Double(result.count)
    #expect(abs(loss - oracle.loss(weights, images.doubles)) < 1e-5)
    for gradient in network.gradientTensors() {
      let values = weights[gradient.name] ?? []
      let error = GradientCheck.relativeError(
        of: gradient.values, at: values, most: 5, step: 1e-6
      ) { moved in
        var changed = weights
        changed[gradient.name] = moved
        return oracle.loss(changed, images.doubles)
      }
      // Batch norm takes a bias before it away: its gradient is 0, to rounding in the numerical one.
      if ["0.bias", "7.bias"].contains(gradient.name) {
        #expect(gradient.values.allSatisfy { $0 == 0 })
      } else {
        #expect(error < 5e-5, "\(gradient.name)")
      }
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

  /// `SmallModel` in double, layer by layer, with the masks of one pass.
  struct Oracle {
    let pass: Pass
    let shapes: [ValueShape]
    let masks: [Int: [UInt8]]

    init(_ network: Network, _ pass: Pass, _ set: InstructionSet) throws {
      self.pass = pass
      shapes = try network.spec.shapes()
      var masks: [Int: [UInt8]] = [:]
      for (index, layer) in network.spec.layers.enumerated() {
        guard case .dropout(let rate) = layer else { continue }
        masks[index] = Dropout(layer: index, rate: rate).mask(
          shapes[index], pass, kernels: set.kernels)
      }
      self.masks = masks
    }

    func loss(_ weights: [String: [Double]], _ images: [Double]) -> Double {
      var values = images
      for (index, layer) in SmallModel.spec.layers.enumerated() {
        let weight = weights["\(index).weight"] ?? []
        let bias = weights["\(index).bias"] ?? []
        switch (layer, shapes[index]) {
        case (
          .conv2d(let filters, let kernel, let stride, let padding), .image(let c, let h, let w)
        ):
          let shape = ConvolutionShape(
            inputChannels: c, outputChannels: filters, height: h, width: w, kernel: kernel,
            stride: stride, padding: padding == .same ? kernel / 2 : 0)
          values = ConvolutionOracle(shape, images: pass.count).forward(values, weight, bias: bias)
        case (.batchNorm(_, let epsilon, _), .image(_, let h, let w)):
          values = PointwiseOracles.batchNorm(
            values, weight: weight, bias: bias, epsilon: epsilon, pixels: h * w)
        case (.relu, _): values = PointwiseOracles.relu(values)
        case (.maxPool2d, .image(_, let h, let w)):
          values = PointwiseOracles.maxPool(values, height: h, width: w)
        case (.dropout(let rate), _):
          values = PointwiseOracles.dropout(
            values, mask: masks[index] ?? [], scale: 1 / (1 - rate))
        case (.dense, let shape):
          values = RowOracles.dense(values, weight: weight, bias: bias, features: shape.count)
        default: break
        }
      }
      return RowOracles.crossEntropy(
        values, labels: SmallModel.labels.map(Int.init), classes: 4)
    }
  }
}
