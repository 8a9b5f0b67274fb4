import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// Layers on flat values, and the loss.
@Suite struct RowLayerTests {
  struct Case: CustomStringConvertible, Sendable {
    let features: Int
    let units: Int
    var relu = false
    var rate: Double?
    var description: String { "\(features)→\(units) relu \(relu) dropout \(rate ?? 0)" }
  }

  static let cases = [
    Case(features: 1, units: 1), Case(features: 20, units: 33, relu: true),
    Case(features: 33, units: 10, relu: true, rate: 0.5), Case(features: 300, units: 18),
    Case(features: 7, units: 17, rate: 0.2),
  ]
  static let images = 7

  @Test(arguments: InstructionSet.all, cases)
  func dense(set: InstructionSet, test: Case) throws {
    let specs = [.flatten, .dense(units: test.units)] + rest(test)
    let bench = try LayerBench(
      specs, first: 1, from: [1, 1, test.features], images: Self.images, set: set)
    let dropout = test.rate.map { Dropout(layer: specs.count - 1, rate: $0) }
    guard case .dense(let group) = bench.groups[1] else {
      Issue.record("\(bench.groups)")
      return
    }
    let layer = try Dense(
      group, input: bench.input, output: bench.output, context: bench.context)
    try bench.setParameter("1.bias", Samples.uniform(test.units, seed: 1))
    let weight = try bench.parameter("1.weight").doubles
    let bias = try bench.parameter("1.bias").doubles
    let x = Samples.uniform(Self.images * test.features, seed: 2)
    let mask = dropout?.mask(bench.output.shape, bench.pass, kernels: set.kernels)
    func oracle(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> [Double] {
      var z = RowOracles.dense(x, weight: weight, bias: bias, features: test.features)
      if test.relu { z = PointwiseOracles.relu(z) }
      guard let mask, let rate = test.rate else { return z }
      return PointwiseOracles.dropout(z, mask: mask, scale: 1 / (1 - rate))
    }
    let y = bench.forward(layer, x)
    #expect(relativeError(y, oracle(x.doubles, weight, bias)) < 2e-6)
    let dy = Samples.uniform(y.count, seed: 3)
    let dx = bench.backward(layer, dy)
    let errorOfData = GradientCheck.relativeError(of: dx, at: x.doubles, most: 30, step: 1e-7) {
      GradientCheck.project(oracle($0, weight, bias), on: dy)
    }
    #expect(errorOfData < 1e-5)
    let dWeight = try bench.gradient("1.weight")
    let errorOfWeight = GradientCheck.relativeError(of: dWeight, at: weight, most: 30, step: 1e-7) {
      GradientCheck.project(oracle(x.doubles, $0, bias), on: dy)
    }
    #expect(errorOfWeight < 1e-5)
    let dBias = try bench.gradient("1.bias")
    let errorOfBias = GradientCheck.relativeError(of: dBias, at: bias, most: 30, step: 1e-7) {
      GradientCheck.project(oracle(x.doubles, weight, $0), on: dy)
    }
    #expect(errorOfBias < 1e-5)
  }

  @Test(
    arguments: InstructionSet.all, [(true, 0.4), (true, nil), (false, 0.3)] as [(Bool, Double?)])
  func activationOfRows(set: InstructionSet, test: (relu: Bool, rate: Double?)) throws {
    let parts = rest(Case(features: 1, units: 1, relu: test.relu, rate: test.rate))
    let specs = [.flatten] + parts
    let bench = try LayerBench(specs, first: 1, from: [1, 3, 7], images: Self.images, set: set)
    let dropout = test.rate.map { Dropout(layer: specs.count - 1, rate: $0) }
    guard case .rowActivation(let group) = bench.groups[1] else {
      Issue.record("\(bench.groups)")
      return
    }
    let layer = try RowActivation(
      group, input: bench.input, output: bench.output, context: bench.context)
    let mask = dropout?.mask(bench.output.shape, bench.pass, kernels: set.kernels)
    func oracle(_ x: [Double]) -> [Double] {
      let z = test.relu ? PointwiseOracles.relu(x) : x
      guard let mask, let rate = test.rate else { return z }
      return PointwiseOracles.dropout(z, mask: mask, scale: 1 / (1 - rate))
    }
    let x = Samples.apart(Self.images * 21, seed: 1)
    #expect(relativeError(bench.forward(layer, x), oracle(x.doubles)) < 1e-6)
    let dy = Samples.uniform(x.count, seed: 2)
    let dx = bench.backward(layer, dy)
    let error = GradientCheck.relativeError(of: dx, at: x.doubles, most: 200) {
      GradientCheck.project(oracle($0), on: dy)
    }
    #expect(error < 1e-6)
  }

  @Test(arguments: InstructionSet.all)
  func flattenPutsChannelsSlowest(set: InstructionSet) throws {
    let bench = try LayerBench([.flatten], from: [9, 3, 5], images: 2, set: set)
    let spec = ModelSpec(input: [9, 3, 5], layers: [.flatten, .dense(units: 2)])
    let node = try spec.nodes()[0]
    let layer = try Flatten(node, input: bench.input, output: bench.output, context: bench.context)
    let x = Samples.uniform(2 * 9 * 15, seed: 1)
    #expect(bench.forward(layer, x) == x)
    let dy = Samples.uniform(x.count, seed: 2)
    #expect(bench.backward(layer, dy) == dy)
  }

  @Test func loss() {
    let classes = 5
    let labels: [Int32] = [4, 0, 2]
    let logits = Samples.uniform(15, seed: 1, -4, 4)
    var gradient = [Float](repeating: .nan, count: 15)
    let result = SoftmaxCrossEntropy.evaluate(
      logits: logits, labels: labels, batch: BatchPartition(3), classes: classes,
      gradient: &gradient)
    let mean = { RowOracles.crossEntropy($0, labels: labels.map(Int.init), classes: classes) }
    #expect(abs(result.lossSum / 3 - mean(logits.doubles)) < 1e-6)
    #expect(result.count == 3)
    #expect(GradientCheck.relativeError(of: gradient, at: logits.doubles, loss: mean) < 1e-6)
  }

  @Test func lossOfLargeLogitsIsFinite() {
    let logits: [Float] = [1e4, -1e4, 0, -3e38, 3e38, 0]
    let result = SoftmaxCrossEntropy.evaluate(
      logits: logits, labels: [0, 1], batch: BatchPartition(2), classes: 3, gradient: nil)
    #expect(result.lossSum == 0)
    #expect(result.correct == 2)
    let wrong = SoftmaxCrossEntropy.evaluate(
      logits: [50, 0], labels: [1], batch: BatchPartition(1), classes: 2, gradient: nil)
    #expect(abs(wrong.lossSum - 50) < 1e-4 && wrong.correct == 0)
  }

  private func rest(_ test: Case) -> [LayerSpec] {
    (test.relu ? [.relu] : []) + (test.rate.map { [.dropout(rate: $0)] } ?? [])
  }
}
