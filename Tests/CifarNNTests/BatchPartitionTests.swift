import CheckpointFormat
import CifarCore
import Kernels
import TestSupport
import Testing

@testable import CifarNN

/// The groups of a batch, and the tree that their sums are added along.
@Suite struct BatchPartitionTests {
  @Test(arguments: [0, 1, 3, 7, 8, 13, 64, 100, 65_536])
  func groupsCoverTheBatch(total: Int) {
    let whole = BatchPartition(total)
    #expect(whole.count == total && whole.first == 0 && whole.groupCount == 8)
    for ranks in [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 33] {
      let parts = (0..<ranks).map { BatchPartition(total, rank: $0, ranks: ranks) }
      var end = 0
      for part in parts {
        #expect(part.total == total && part.first == end)
        var inside = 0
        for group in 0..<part.groupCount {
          #expect(part[group].lowerBound == inside)
          #expect(
            abs(part[group].count * part.groupCount * ranks - total) <= part.groupCount * ranks)
          inside = part[group].upperBound
        }
        #expect(inside == part.count)
        #expect([1, 2, 4, 8].contains(part.groupCount))
        end += part.count
      }
      #expect(end == total)
      // The same groups, where that is promised.
      guard 8 % ranks == 0 else { continue }
      let groups = parts.flatMap { part in
        (0..<part.groupCount).map { part[$0].shifted(by: part.first) }
      }
      #expect(groups == (0..<8).map { whole[$0] })
    }
  }

  /// Groups are cut alike in every process, and there is memory for all pieces.
  @Test(arguments: [0, 7, 64, 100, 255, 256, 1000, 65_536])
  func piecesOfTheGroups(total: Int) {
    for (items, images) in [(1, 1), (1, 4), (2, 16), (3, 5), (4, 29), (8, 1), (40, 1)] {
      let pieces = GroupPieces(items: items, images: images)
      let whole = BatchPartition(total)
      let count = pieces.count(whole)
      #expect(count >= 8 && count <= 64 && count.nonzeroBitCount == 1)
      #expect(count <= pieces.most(batchSize: total))
      #expect(count == 8 || total >= count * images)
      #expect(count * items < 128 || count == 8)
      for ranks in [1, 2, 4, 8] {
        let parts = (0..<ranks).map { BatchPartition(total, rank: $0, ranks: ranks) }
        #expect(
          parts.flatMap { part in
            (0..<pieces.count(part)).map { pieces.piece($0, of: part).shifted(by: part.first) }
          } == (0..<count).map { pieces.piece($0, of: whole) })
        for part in parts {
          #expect(pieces.count(part) <= pieces.most(batchSize: part.count))
        }
      }
    }
  }

  @Test func theTree() {
    func tree(_ terms: Range<Int>) -> String {
      pairwiseSum(terms, { "\($0)" }, { "(\($0) + \($1))" })
    }
    #expect(tree(0..<1) == "0")
    #expect(tree(0..<3) == "((0 + 1) + 2)")
    #expect(tree(0..<8) == "(((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)))")
    #expect(tree(4..<10) == "(((4 + 5) + (6 + 7)) + (8 + 9))")
  }

  /// Convolutions by all methods, with the gradients of the images and without, with biases, dropout,
  /// dense layers; none that needs to know of the other images.
  private static let spec = ModelSpec(
    input: [3, 9, 10],
    layers: [
      .conv2d(filters: 17), .relu, .dropout(rate: 0.2), .conv2d(filters: 40), .relu, .maxPool(),
      .conv2d(filters: 33), .gelu, .conv2d(filters: 9, kernelSize: 5, stride: 2),
      .residual(layers: [.conv2d(filters: 9), .relu, .conv2d(filters: 9, kernelSize: 1)]),
      .conv2d(filters: 70, kernelSize: 1, bias: false), .flatten, .dense(units: 70), .relu,
      .dropout(rate: 0.3), .dense(units: 4),
    ])

  /// What the groups give by themselves, in as many processes, is by the tree what the batch gives, to
  /// the bit. In batches of 5 and of 3 some groups have no image; those of 480 are cut into pieces.
  @Test(arguments: InstructionSet.all, [480, 19, 5, 3])
  func partsAddUpToTheWhole(set: InstructionSet, total: Int) throws {
    for precision in Precision.ofTraining {
      for (ranks, threads) in [(2, 2), (4, 1), (8, 3)] {
        let whole = try step(set, precision, total, ranks: 1, threads: threads)[0]
        let parts = try step(set, precision, total, ranks: ranks, threads: threads)
        #expect(pairwiseSum(0..<ranks, { parts[$0].loss }, +) == whole.loss)
        for (index, gradient) in whole.gradients.enumerated() {
          let sum = pairwiseSum(
            0..<ranks, { parts[$0].gradients[index].values },
            { one, other in zip(one, other).map { $0 + $1 } })
          #expect(sum == gradient.values, "\(gradient.name), \(ranks) ranks, \(precision)")
          #expect(gradient.values.contains { $0 != 0 }, "\(gradient.name)")
        }
      }
    }
  }

  private func step(
    _ set: InstructionSet, _ precision: Precision, _ total: Int, ranks: Int, threads: Int
  ) throws -> [(loss: Double, gradients: [Tensor])] {
    let spec = BatchPartitionTests.spec
    let size = spec.input.reduce(1, *)
    let images = Samples.uniform(total * size, seed: 1, -2, 2)
    let labels = (0..<Int32(total)).map { $0 % 4 }
    return try (0..<ranks).map { rank in
      let network = try Network(spec: spec, dialect: .pytorch, seed: 9)
      let plan = try Plan(
        network: network, batchSize: total, training: true, pool: ThreadPool(threads: threads),
        precision: precision, kernels: set.kernels)
      plan.loss.labelSmoothing = 0.1
      let batch = BatchPartition(total, rank: rank, ranks: ranks)
      let result = images.withUnsafeBufferPointer { images in
        labels.withUnsafeBufferPointer { labels in
          plan.trainStep(
            images: images.baseAddress! + batch.first * size,
            labels: labels.baseAddress! + batch.first, batch: batch, seed: 7, step: 3)
        }
      }
      #expect(result.count == batch.count)
      return (result.lossSum, network.gradientTensors())
    }
  }
}

extension Range<Int> {
  fileprivate func shifted(by distance: Int) -> Range<Int> {
    (lowerBound + distance)..<(upperBound + distance)
  }
}
