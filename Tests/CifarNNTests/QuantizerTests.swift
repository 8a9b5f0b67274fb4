import CheckpointFormat
import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// Quantized networks against their definition in double, and against the network they are made of.
@Suite struct QuantizerTests {
  /// Everything that quantizes in its own way: direct convolutions and Winograd's, pools that a
  /// convolution takes along and pools that it does not, blocks with both kinds of shortcut, a batch norm
  /// that belongs to nothing, rows.
  static let chain = ModelSpec(
    input: [3, 12, 16],
    layers: [
      .conv2d(filters: 20), .batchNorm(), .relu, .dropout(rate: 0.2),
      .conv2d(filters: 33, bias: false), .batchNorm(), .relu, .maxPool(),  // 6×8
      .conv2d(filters: 17, stride: 2), .relu,  // 3×4
      .conv2d(filters: 18), .maxPool(), .flatten,  // 1×2
      .dense(units: 70), .batchNorm(), .relu, .dropout(rate: 0.5), .dense(units: 4),
    ])
  static let residual = ModelSpec(
    input: [3, 9, 8],
    layers: [
      .conv2d(filters: 17), .batchNorm(), .relu,
      .residual(
        layers: [.conv2d(filters: 17), .batchNorm(), .relu, .conv2d(filters: 17), .batchNorm()]),
      .relu,
      .residual(
        layers: [.conv2d(filters: 24, stride: 2), .relu, .conv2d(filters: 24)],
        shortcut: [.conv2d(filters: 24, kernelSize: 1, stride: 2, padding: .valid), .batchNorm()]),
      .batchNorm(), .relu, .maxPool(), .avgPool, .globalAveragePool, .scale(factor: 0.5),
      .residual(layers: [.dense(units: 24), .relu]), .dense(units: 4, bias: false),
    ])
  static let models = [SmallModel.Case("chain", chain), .init("residual", residual)]
  static let count = 11

  /// A network whose statistics and weights have moved, and images.
  private static func trained(
    _ spec: ModelSpec, _ set: InstructionSet
  ) throws -> (network: Network, images: [Float], labels: [Int32]) {
    let spec = spec.resolved(for: .pytorch)
    let network = try Network(spec: spec, dialect: .pytorch, seed: 3)
    let pool = ThreadPool(threads: 2)
    let plan = try Plan(
      network: network, batchSize: count, training: true, pool: pool, kernels: set.kernels)
    let images = Samples.uniform(count * spec.input.reduce(1, *), seed: 1)
    let labels = (0..<count).map { Int32($0 % 4) }
    let adam = try Adam(network: network, options: AdamOptions(), pool: pool, kernels: set.kernels)
    for step in 0..<6 {
      _ = plan.trainStep(
        images: images, labels: labels, count: count, seed: 0, step: UInt64(step))
      adam.step(learningRate: 0.01)
    }
    return (network, images, labels)
  }

  private static func quantized(
    _ network: Network, _ images: [Float], _ set: InstructionSet
  ) throws -> Network {
    let result = try Quantizer.quantize(
      network, images: images, count: count, pool: ThreadPool(threads: 2), kernels: set.kernels)
    let quantized = try Network(spec: result.spec, dialect: network.dialect, seed: 0)
    try quantized.load(result.tensors)
    return quantized
  }

  private static func probabilities(
    _ network: Network, _ images: [Float], _ set: InstructionSet, _ precision: Precision,
    threads: Int = 2, batch: Int = count
  ) throws -> [Float] {
    let plan = try Plan(
      network: network, batchSize: batch, training: false, pool: ThreadPool(threads: threads),
      precision: precision, kernels: set.kernels)
    let size = network.spec.input.reduce(1, *)
    var result = [Float](repeating: .nan, count: count * 4)
    images.withUnsafeBufferPointer { images in
      result.withUnsafeMutableBufferPointer { result in
        for first in stride(from: 0, to: count, by: batch) {
          plan.predict(
            images: images.baseAddress! + first * size, count: min(batch, count - first),
            probabilities: result.baseAddress! + first * 4)
        }
      }
    }
    return result
  }

  @Test(arguments: InstructionSet.all, models)
  func isNearTheNetworkThatItIsMadeOf(set: InstructionSet, model: SmallModel.Case) throws {
    let (network, images, _) = try Self.trained(model.spec, set)
    let quantized = try Self.quantized(network, images, set)
    let exact = try Self.probabilities(network, images, set, .float32)
    for precision in [Precision.float32, .int8] {
      let rounded = try Self.probabilities(quantized, images, set, precision)
      let error = relativeError(rounded, exact.doubles)
      #expect(error < 0.05 && error > 1e-4, "\(precision): \(error)")
    }
  }

  /// Float32 follows the definition but for its own rounding, which moves a number to the next step now
  /// and then; int8 does too, with 16 bits in the products.
  @Test(arguments: InstructionSet.all, models)
  func isWhatItsDefinitionSays(set: InstructionSet, model: SmallModel.Case) throws {
    let (network, images, labels) = try Self.trained(model.spec, set)
    let quantized = try Self.quantized(network, images, set)
    let pass = Pass(count: Self.count, training: false)
    let oracle = try NetworkOracle(quantized, pass, labels: labels, set)
    let weights = Dictionary(
      uniqueKeysWithValues: quantized.stateTensors().map { ($0.name, $0.values.doubles) })
    let expected = oracle.loss(weights, images.doubles)
    for precision in [Precision.float32, .int8] {
      let plan = try Plan(
        network: quantized, batchSize: Self.count, training: false, pool: ThreadPool(threads: 2),
        precision: precision, kernels: set.kernels)
      let loss =
        plan.evaluate(images: images, labels: labels, count: Self.count).lossSum
        / Double(Self.count)
      #expect(abs(loss - expected) < 0.01 * expected, "\(precision): \(loss), not \(expected)")
    }
  }

  @Test(arguments: InstructionSet.all, models)
  func anAnswerDependsOnItsImageAlone(set: InstructionSet, model: SmallModel.Case) throws {
    let (network, images, _) = try Self.trained(model.spec, set)
    let quantized = try Self.quantized(network, images, set)
    let expected = try Self.probabilities(quantized, images, set, .int8, threads: 1)
    for (threads, batch) in [(3, Self.count), (2, 1), (1, 4), (8, 5)] {
      #expect(
        try Self.probabilities(quantized, images, set, .int8, threads: threads, batch: batch)
          == expected, "\(threads) threads, batches of \(batch)")
    }
  }

  @Test func weightsAreWholeMultiplesOfTheirScales() throws {
    let set = InstructionSet.all[InstructionSet.all.count - 1]
    let (network, images, _) = try Self.trained(Self.chain, set)
    let quantized = try Self.quantized(network, images, set)
    let tensors = quantized.stateTensors()
    let byName = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
    var count = 0
    for tensor in tensors {
      guard let scales = byName["\(tensor.name)_scale"] else { continue }
      count += 1
      let each = tensor.values.count / scales.values.count
      for (output, scale) in scales.values.enumerated() {
        let values = tensor.values[(output * each)..<((output + 1) * each)]
        // To the bit, and the whole range is used.
        let whole = values.map { $0 / scale }
        #expect(zip(values, whole).allSatisfy { $0 == $1.rounded() * scale })
        #expect(whole.map(\.magnitude).max()?.rounded() == 127)
      }
    }
    #expect(count == 6)
    #expect(byName.keys.allSatisfy { !$0.contains("running") })
    // A file has them as int8, and gives back the same numbers.
    let file = try SafeTensors.encode(tensors, metadata: [:])
    #expect(file.count < 2 * quantized.parameterCount)
    let read = try SafeTensors.decodeConverting(file).tensors
    #expect(Set(read.map(\.name)) == Set(byName.keys))
    for tensor in read { #expect(byName[tensor.name] == tensor) }
  }

  @Test func layersAreWhereTheyBelong() throws {
    let set = InstructionSet.all[0]
    let (network, images, _) = try Self.trained(Self.residual, set)
    let spec = try Self.quantized(network, images, set).spec
    func types(_ layers: [LayerSpec]) -> String {
      layers.map { layer in
        switch layer {
        case .residual(let layers, let shortcut):
          "(\(types(layers)) | \(types(shortcut)))"
        case .quantize(_, let dtype): dtype == .uint8 ? "u8" : "s8"
        default: layer.type
        }
      }.joined(separator: " ")
    }
    #expect(
      types(spec.layers)
        == "s8 conv2d relu u8 (conv2d relu u8 conv2d s8 | ) relu u8 "
        + "(conv2d relu u8 conv2d s8 | conv2d s8) batch_norm relu max_pool avg_pool "
        + "global_average_pool scale u8 (dense relu u8 | ) u8 dense")
  }

  /// What is fused, and where bytes are stored.
  @Test func planOfBytes() throws {
    let set = InstructionSet.all[0]
    let (network, images, _) = try Self.trained(Self.chain, set)
    let spec = try Self.quantized(network, images, set).spec
    let nodes = try spec.nodes()
    let lines = fuse(nodes, .quantized).flatMap(\.lines)
    #expect(
      lines == [
        "0 quantize", "1 conv2d + 2 relu + 3 quantize",
        "4 conv2d + 5 relu + 6 max_pool + 7 quantize", "8 conv2d + 9 relu + 10 quantize",
        // 3×4 pixels: the pool leaves a row out.
        "11 conv2d", "12 max_pool", "13 flatten", "14 quantize", "15 dense + 16 relu",
        "17 quantize", "18 dense",
      ])
    let direct = fuse(nodes, .quantized, convolution: .direct).flatMap(\.lines)
    #expect(
      direct[2] == "4 conv2d + 5 relu"
        && direct[3].hasPrefix("[6 max_pool + 7 quantize] → 8 conv2d"))
    let target = PlanTarget(
      mode: .quantized, batchSize: 2, threads: 1, products: .int16, tiles: KernelTiles(set.kernels))
    let plan = try MemoryPlan(fuse(nodes, .quantized), input: nodes[0].input, target: target)
    #expect(
      plan.values.prefix(5).map(\.place) == [
        .stored(.int8), .stored(.uint8), .stored(.uint8), .stored(.uint8), .stored(.float32),
      ])
    #expect(plan.bytes(plan.values[0]) == 2 * 12 * 16 * set.kernels.lanes)
  }

  @Test func refusals() throws {
    let set = InstructionSet.all[0]
    let (network, images, _) = try Self.trained(Self.chain, set)
    let pool = ThreadPool(threads: 1)
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(
      message { _ = try Quantizer.quantize(network, images: images, count: 0, pool: pool) }
        .contains("calibration images"))
    let quantized = try Self.quantized(network, images, set)
    #expect(
      message {
        _ = try Quantizer.quantize(quantized, images: images, count: 1, pool: pool)
      }.contains("already"))
    #expect(
      message {
        _ = try Plan(network: quantized, batchSize: 1, training: true, pool: pool)
      }.contains("can't be trained"))
    #expect(
      message {
        _ = try Plan(
          network: quantized, batchSize: 1, training: false, pool: pool,
          precision: .mixedBFloat16)
      }.contains("is quantized"))
    #expect(
      message {
        _ = try Plan(
          network: network, batchSize: 1, training: false, pool: pool, precision: .int8)
      }.contains("quantize it first"))
    let gelu = try Network(
      spec: ModelSpec(layers: [.conv2d(filters: 4), .gelu, .flatten, .dense(units: 2)]),
      dialect: .pytorch, seed: 0)
    #expect(
      message {
        _ = try Quantizer.quantize(
          gelu, images: Samples.uniform(3072, seed: 1), count: 1, pool: pool)
      }.contains("layer 1 gelu: a model with GELU"))
    var bad = images
    bad[7] = .infinity
    #expect(
      message { _ = try Quantizer.quantize(network, images: bad, count: 1, pool: pool) }
        .contains("numbers before layer 0"))
    for scale in [0, -1, .infinity, .nan, 1e-40] {
      #expect(
        message {
          _ = try ModelSpec(layers: [.quantize(scale: scale), .flatten, .dense(units: 2)]).nodes()
        }.contains("layer 0 (quantize): scale"))
    }
    let weights = network.stateTensors().map { tensor in
      var tensor = tensor
      if tensor.name == "4.weight" { tensor.values[3] = .nan }
      return tensor
    }
    let spoilt = try Network(copying: network)
    try spoilt.load(weights)
    #expect(
      message { _ = try Quantizer.quantize(spoilt, images: images, count: 1, pool: pool) }
        .contains("tensor '4.weight' has nan at [0, 0, 1, 0]"))
  }

  @Test func scaleOfTheLeastError() {
    // Many small numbers and one that is far away: it is clipped.
    var histogram = ClippingHistogram(dtype: .uint8, largest: 3)
    let values = Samples.uniform(10_000, seed: 1, 0, 1)
    for _ in 0..<100 { values.withUnsafeBufferPointer { histogram.add($0) } }
    [Float(3)].withUnsafeBufferPointer { histogram.add($0) }
    #expect(histogram.bestScale() < 1.5 / 255)
    // Where all are alike nothing is gained by that.
    var even = ClippingHistogram(dtype: .int8, largest: 1)
    Samples.uniform(10_000, seed: 2, -1, 1).withUnsafeBufferPointer { even.add($0) }
    #expect(even.bestScale() > 0.9 / 127 && even.bestScale() < 1.0001 / 127)
    #expect(ClippingHistogram(dtype: .int8, largest: 0).bestScale() == 1)
  }
}
