import CheckpointFormat
import CifarCore
import TestSupport
import Testing

@testable import CifarNN
@testable import CifarTraining

/// Ten steps of airbench94 and the first three of airbench94-muon against PyTorch in double:
/// `Golden/make_airbench_golden.py`. The recipes' own optimizers, groups, schedules, lookahead and loss.
/// All ten of Muon's against its formula.
@Suite struct AirbenchGoldenTests {
  private static let (batch, steps, batchesPerEpoch) = (
    StepsGolden.batch, StepsGolden.steps, StepsGolden.batchesPerEpoch
  )

  @Test(arguments: [("airbench94", "airbench"), ("airbench94-muon", "airbench_muon")])
  func tenSteps(name: String, golden: String) throws {
    let golden = try StepsGolden(named: golden)
    let recipe = try Recipe.named(name)
    let network = try Network(spec: recipe.modelSpec, dialect: .pytorch, seed: 0)
    try network.load(StepsGolden.weights(of: network))
    let pool = try ThreadPool(threads: 2)
    let plan = try Plan(network: network, batchSize: Self.batch, training: true, pool: pool)
    plan.loss = recipe.loss.lossOptions(in: .pytorch)
    let optimizer = try recipe.optimizer.make(network: network, pool: pool)
    let lookahead = try recipe.lookahead?.make(network: network, pool: pool)
    let isMuon = name == "airbench94-muon"
    let first: UInt32 = isMuon ? 3000 : 5481
    #expect((lookahead == nil) == isMuon)
    let groups = try recipe.trainedGroups()
    let schedule = try #require(recipe.schedule)
    for (step, loss) in golden.losses.prefix(isMuon ? 3 : Self.steps).enumerated() {
      optimizer.setTrained(
        groups.map { $0.isTrained(step: step, batches: Self.batchesPerEpoch) })
      let result = plan.trainStep(
        images: StepsGolden.images(step, from: first),
        labels: StepsGolden.labels(step), count: Self.batch,
        seed: 1, step: UInt64(step))
      // From the sixth step on a rounding error of two in a million in the weights may exchange two
      // values that a max-pool chooses from; PyTorch's own float64 then strays by 2e-4. With Muon, which
      // enlarges what is small in a gradient, that is the third step, and 1.5e-3.
      let tolerance = isMuon ? (step < 2 ? 1e-6 : 3e-3) : (step < 5 ? 1e-6 : 1e-3)
      #expect(abs(result.lossSum / Double(Self.batch) - loss) < tolerance, "step \(step)")
      optimizer.step(
        learningRates: groups.map { group in
          guard group.isTrained(step: step, batches: Self.batchesPerEpoch) else { return nil }
          let factor = (group.schedule ?? schedule).factor(
            step: step, stepsPerEpoch: Self.batchesPerEpoch,
            epochs: Double(Self.steps / Self.batchesPerEpoch))
          return factor * (group.learningRate ?? recipe.optimizer.learningRate)
        })
      lookahead?.update(step: step + 1, of: Self.steps)
    }
    // After that nothing of Muon's can be compared. Three steps don't tell one momentum from another,
    // since the first update has the same direction with any.
    guard !isMuon else { return }
    lookahead?.finish()
    let tensors = Dictionary(uniqueKeysWithValues: network.stateTensors().map { ($0.name, $0) })
    #expect(golden.weights.count == 6)
    for (name, values) in golden.weights {
      let own = try #require(tensors[name]).values.prefix(values.count)
      #expect(relativeError(Array(own), values) < 2e-2, "\(name)")
    }
    // The filters that are not trained have not moved.
    #expect(tensors["0.weight"] == StepsGolden.weights(of: network)[0])
    var outputs = [Float](repeating: 0, count: Self.batch * 10)
    plan.predict(
      images: StepsGolden.images(0, from: first), count: Self.batch,
      probabilities: &outputs)
    let expected = RowOracles.softmax(golden.logits, classes: 10)
    #expect(relativeError(outputs, expected) < 2e-3)
  }

  /// Ten steps of airbench94-muon, each of which begins with the weights, the gradient and the momentum
  /// that the network has then: what Newton and Schulz make of a rounding error does not add up.
  ///
  ///     m = 0.6·m + g;  w = w·√out/‖w‖ − rate·orthogonal(g + 0.6·m)
  @Test func everyStepOfMuonIsItsFormula() throws {
    let recipe = try Recipe.named("airbench94-muon")
    let network = try Network(spec: recipe.modelSpec, dialect: .pytorch, seed: 0)
    try network.load(StepsGolden.weights(of: network))
    let pool = ThreadPool(threads: 2)
    let plan = try Plan(network: network, batchSize: Self.batch, training: true, pool: pool)
    plan.loss = recipe.loss.lossOptions(in: .pytorch)
    let optimizer = try recipe.optimizer.make(network: network, pool: pool)
    let groups = try recipe.trainedGroups()
    let schedule = try #require(recipe.schedule)
    let parameter = try #require(network.parameters.first { $0.name == "2.weight" })
    #expect(parameter.shape == [64, 24, 3, 3])
    func numbers(_ buffer: AlignedBuffer<Float>) -> [Float] {
      (0..<parameter.count).map { buffer[parameter.offset + $0] }
    }
    let (rows, columns) = (64, 216)
    var momentum = [Double](repeating: 0, count: rows * columns)
    for step in 0..<Self.steps {
      optimizer.setTrained(
        groups.map { $0.isTrained(step: step, batches: Self.batchesPerEpoch) })
      _ = plan.trainStep(
        images: StepsGolden.images(step), labels: StepsGolden.labels(step), count: Self.batch,
        seed: 1, step: UInt64(step))
      let before = numbers(network.values).map(Double.init)
      let gradient = numbers(network.gradients).map(Double.init)
      momentum = zip(momentum, gradient).map { 0.6 * $0 + $1 }
      let update = MuonOracle.orthogonal(
        zip(gradient, momentum).map { $0 + 0.6 * $1 }, rows: rows, columns: columns)
      let factor = 1 - Double(step) / Double(Self.steps)
      let norm = before.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let expected = zip(before, update).map {
        $0 * Double(rows).squareRoot() / norm - 0.24 * factor * $1
      }
      optimizer.step(
        learningRates: groups.map { group in
          guard group.isTrained(step: step, batches: Self.batchesPerEpoch) else { return nil }
          let factor = (group.schedule ?? schedule).factor(
            step: step, stepsPerEpoch: Self.batchesPerEpoch,
            epochs: Double(Self.steps / Self.batchesPerEpoch))
          return factor * (group.learningRate ?? recipe.optimizer.learningRate)
        })
      #expect(relativeError(numbers(network.values), expected) < 1e-5, "step \(step)")
    }
  }
}
