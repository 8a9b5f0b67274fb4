import CheckpointFormat
import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// The number of threads changes nothing, not one bit.
@Suite struct ThreadCountTests {
  @Test(arguments: InstructionSet.all, Dialect.allCases)
  func sameBits(set: InstructionSet, dialect: Dialect) throws {
    let expected = try train(set, dialect, threads: 1)
    for threads in 2...3 {
      let actual = try train(set, dialect, threads: threads)
      #expect(actual.losses == expected.losses)
      for (one, other) in zip(actual.tensors, expected.tensors) {
        #expect(one == other, "\(one.name) with \(threads) threads")
      }
    }
  }

  /// Wide enough that tiles, images, points and chunks of parameters go to several threads.
  @Test(arguments: InstructionSet.all)
  func sameBitsOfAWideNetwork(set: InstructionSet) throws {
    let spec = ModelSpec(
      input: [16, 20, 20],
      layers: [
        .conv2d(filters: 40), .batchNorm(), .relu, .maxPool(), .conv2d(filters: 33), .flatten,
        .dense(units: 10),
      ])
    let images = Samples.uniform(4 * 16 * 400, seed: 1)
    let one = try train(set, .pytorch, threads: 1, spec, images, [1, 2, 3, 4])
    let three = try train(set, .pytorch, threads: 3, spec, images, [1, 2, 3, 4])
    #expect(one.losses == three.losses)
    #expect(one.tensors == three.tensors)
  }

  @Test(arguments: InstructionSet.all)
  func sameBitsOfResidualBlocks(set: InstructionSet) throws {
    for precision in Precision.ofTraining {
      let one = try train(
        set, .pytorch, threads: 1, SmallModel.residual, precision: precision)
      let three = try train(
        set, .pytorch, threads: 3, SmallModel.residual, precision: precision)
      #expect(one.losses == three.losses)
      #expect(one.tensors == three.tensors)
    }
  }

  @Test(arguments: InstructionSet.all, SmallModel.tiny)
  func sameBitsOfTinyImages(set: InstructionSet, model: SmallModel.Case) throws {
    for precision in Precision.ofTraining {
      let images = SmallModel.images(for: model.spec)
      let one = try train(
        set, .pytorch, threads: 1, model.spec, images, precision: precision)
      let three = try train(
        set, .pytorch, threads: 3, model.spec, images, precision: precision)
      #expect(one.losses == three.losses)
      #expect(one.tensors == three.tensors)
      #expect(one.losses.allSatisfy { $0.isFinite })
    }
  }

  /// One thread takes the batch by chunks and makes the images between two convolutions there; for
  /// six the chunks are too few, and all share the images and the panels.
  @Test(arguments: InstructionSet.all)
  func sameBitsByChunksAndByPanels(set: InstructionSet) throws {
    let spec = ModelSpec(
      input: [16, 16, 16],
      layers: [
        .conv2d(filters: 32), .batchNorm(), .relu, .conv2d(filters: 33), .batchNorm(), .relu,
        .maxPool(), .dropout(rate: 0.2), .conv2d(filters: 48), .relu, .conv2d(filters: 17),
        .batchNorm(), .flatten, .dense(units: 4),
      ])
    let count = 12
    let images = Samples.uniform(count * 16 * 256, seed: 4)
    let labels = (0..<Int32(count)).map { $0 % 4 }
    for precision in Precision.ofTraining {
      let one = try train(set, .pytorch, threads: 1, spec, images, labels, precision: precision)
      for threads in [2, 6] {
        let other = try train(
          set, .pytorch, threads: threads, spec, images, labels, precision: precision)
        #expect(one.losses == other.losses, "\(threads) threads, \(precision)")
        #expect(one.tensors == other.tensors, "\(threads) threads, \(precision)")
      }
    }
  }

  /// More threads than groups of images, which are cut into pieces, and than processors.
  @Test(arguments: InstructionSet.all)
  func sameBitsWithManyThreads(set: InstructionSet) throws {
    let spec = ModelSpec(
      input: [3, 32, 32],
      layers: [
        .conv2d(filters: 18), .batchNorm(), .relu, .conv2d(filters: 17), .batchNorm(), .relu,
        .maxPool(), .conv2d(filters: 20, kernelSize: 5), .relu, .conv2d(filters: 16, stride: 2),
        .flatten, .dense(units: 33), .relu, .dropout(rate: 0.2), .dense(units: 4),
      ])
    let count = 64
    let images = Samples.uniform(count * 3 * 1024, seed: 4)
    let labels = (0..<Int32(count)).map { $0 % 4 }
    for precision in Precision.ofTraining {
      let one = try train(
        set, .pytorch, threads: 1, spec, images, labels, precision: precision, steps: 2)
      for threads in [2, 3, 8, 16, 64] {
        let other = try train(
          set, .pytorch, threads: threads, spec, images, labels, precision: precision, steps: 2)
        #expect(one.losses == other.losses, "\(threads) threads, \(precision)")
        #expect(one.tensors == other.tensors, "\(threads) threads, \(precision)")
      }
    }
  }

  private func train(
    _ set: InstructionSet, _ dialect: Dialect, threads: Int, _ spec: ModelSpec = SmallModel.spec,
    _ images: [Float] = SmallModel.images(), _ labels: [Int32] = SmallModel.labels,
    precision: Precision = .float32, steps: Int = 4
  ) throws -> (losses: [Double], tensors: [Tensor]) {
    let network = try Network(spec: spec, dialect: dialect, seed: 9)
    let pool = ThreadPool(threads: threads)
    let plan = try Plan(
      network: network, batchSize: labels.count, training: true, pool: pool,
      precision: precision, kernels: set.kernels)
    let adam = try Adam(network: network, options: AdamOptions(), pool: pool, kernels: set.kernels)
    var losses: [Double] = []
    for step in 1...steps {
      losses.append(
        plan.trainStep(
          images: images, labels: labels, count: labels.count, seed: 7, step: UInt64(step)
        ).lossSum)
      adam.step(learningRate: 1e-3)
    }
    losses.append(plan.evaluate(images: images, labels: labels, count: labels.count).lossSum)
    return (losses, network.stateTensors() + adam.stateTensors())
  }
}
