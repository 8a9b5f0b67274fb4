import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// What torchvision made of the same batches: `mixing.json` and `mixing.f32`, written by
/// `make_mixing_golden.py`.
private struct MixingGolden: Decodable {
  struct Batch: Decodable {
    var seed: UInt32
    var shape: [Int]
    var count: Int
    /// As it was drawn.
    var share: Double
    /// The centre of the rectangle of CutMix.
    var x: Int?
    var y: Int?
    /// (count, count): image i has label i.
    var targets: [Float]
  }
  var batches: [Batch]
}

/// Images that are mixed with the one before them in their batch.
@Suite struct MixingTests {
  @Test func batchesAreTorchvisionsToTheBit() throws {
    let batches = try decoder().decode(MixingGolden.self, from: Data(golden("mixing.json"))).batches
    #expect(batches.count == 60)
    var numbers = try golden("mixing.f32").withUnsafeBytes {
      Array($0.bindMemory(to: Float.self))
    }[...]
    for batch in batches {
      let shape = try ImageShape(batch.shape)
      let mix: ImageMix =
        if let x = batch.x, let y = batch.y {
          .pasted(shape, share: batch.share, x: x, y: y)
        } else {
          .blend(share: batch.share)
        }
      let mixer = try #require(try mixer(shape, [Augmentation(Mixup())]))
      var images = noise(batch.seed, count: batch.count * shape.count).map {
        (Float($0) - 120) / 61
      }
      images.withUnsafeMutableBufferPointer {
        let images = $0.baseAddress.unsafelyUnwrapped
        mixer.setBefore(images + (batch.count - 1) * shape.count)
        mixer.apply(mix, to: images, count: batch.count)
      }
      #expect(images[...] == numbers.prefix(images.count), "\(batch)")
      numbers = numbers.dropFirst(images.count)
      for row in 0..<batch.count {
        var target = [Float](repeating: 0, count: batch.count)
        target[row] += Float(mix.share)
        target[(row + batch.count - 1) % batch.count] += 1 - Float(mix.share)
        for (one, other) in zip(target, batch.targets[(row * batch.count)...]) {
          #expect(abs(one - other) < 1e-7, "\(batch)")
        }
      }
    }
    #expect(numbers.isEmpty)
  }

  /// The largest distance of a sample's distribution from the one that is meant.
  private func distance(_ alpha: Double, _ cumulative: (Double) -> Double) -> Double {
    let count = 20_000
    let sorted = (0..<count).map { index in
      var random = RandomSequence(seed: 3, purpose: .mixing, major: 1, minor: UInt32(index))
      return random.symmetricBeta(alpha)
    }.sorted()
    return sorted.enumerated().reduce(0) { most, sample in
      let exact = cumulative(sample.element)
      let (below, above) = (sample.offset, sample.offset + 1)
      return max(
        most, abs(exact - Double(below) / Double(count)), abs(exact - Double(above) / Double(count))
      )
    }
  }

  /// Kolmogorov and Smirnov: of right samples one in a thousand is further away than 1.95/√n, and
  /// these are always the same.
  @Test func sharesHaveTheBetaDistribution() {
    let bound = 1.95 / 20_000.0.squareRoot()
    #expect(distance(1) { $0 } < bound)
    #expect(distance(0.5) { 2 / .pi * asin($0.squareRoot()) } < bound)
    #expect(distance(2) { $0 * $0 * (3 - 2 * $0) } < bound)
    #expect(distance(3) { pow($0, 3) * (10 - 15 * $0 + 6 * $0 * $0) } < bound)
    // A wrong alpha is seen.
    #expect(
      distance(1.1) { $0 } > bound && distance(0.55) { 2 / .pi * asin($0.squareRoot()) } > bound)
  }

  /// Of any alpha: mean ½, variance 1 / (4·(2·alpha + 1)).
  @Test(arguments: [1e-6, 0.1, 0.2, 0.4, 5, 1000]) func sharesHaveTheirMoments(alpha: Double) {
    var random = RandomSequence(seed: 4, purpose: .mixing)
    let shares = (0..<20_000).map { _ in random.symmetricBeta(alpha) }
    #expect(shares.allSatisfy { (0...1).contains($0) })
    let mean = shares.reduce(0, +) / 20_000
    let variance = shares.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / 20_000
    let expected = 1 / (4 * (2 * alpha + 1))
    // Five deviations.
    #expect(abs(mean - 0.5) < 5 * (expected / 20_000).squareRoot())
    #expect(abs(variance - expected) < 0.05 * expected)
  }

  @Test func rectanglesStayInside() throws {
    let shape = try ImageShape([1, 8, 20])
    var random = RandomSequence(seed: 1, purpose: .mixing)
    var shares: Set<Double> = []
    for _ in 0..<500 {
      guard case .paste(let rows, let columns, let share) = Cutmix().draw(for: shape, &random)
      else {
        Issue.record("nothing was drawn")
        return
      }
      #expect((0...8).contains(rows.lowerBound) && (0...8).contains(rows.upperBound))
      #expect((0...20).contains(columns.lowerBound) && (0...20).contains(columns.upperBound))
      #expect(share == 1 - Double(rows.count * columns.count) / 160)
      shares.insert(share)
    }
    #expect(shares.count > 30)
    #expect(
      ImageMix.pasted(shape, share: 0, x: 10, y: 4)
        == .paste(rows: 0..<8, columns: 0..<20, share: 0))
    #expect(
      ImageMix.pasted(shape, share: 1, x: 10, y: 4)
        == .paste(rows: 4..<4, columns: 10..<10, share: 1))
  }

  @Test(arguments: [0, 0.25, 1]) func aProbabilityIsThatOfABatch(probability: Double) throws {
    for augmentation in [
      Augmentation(Mixup(alpha: 1, probability: probability)),
      Augmentation(Cutmix(alpha: 1, probability: probability)),
    ] {
      let mixer = try #require(try mixer(.cifar, [augmentation]))
      let mixed = (0..<1000).count { mixer.draw(epoch: 1, batch: $0) != nil }
      #expect(abs(Double(mixed) - 1000 * probability) <= 5 * (250 * probability).squareRoot())
      if probability == 0 || probability == 1 { #expect(mixed == Int(1000 * probability)) }
    }
  }

  /// Of both, each batch has one, as often as the other.
  @Test func ofBothOneIsDrawn() throws {
    let mixer = try #require(
      try mixer(.cifar, [Augmentation(Mixup()), Augmentation(Cutmix())]))
    var draws: [Int: ImageMix] = [:]
    for batch in 0..<1000 { draws[batch] = mixer.draw(epoch: 1, batch: batch) }
    let blends = draws.values.count { if case .blend = $0 { true } else { false } }
    #expect(draws.count == 1000 && (420...580).contains(blends), "\(blends)")
    // Another batch, epoch or seed is another mix.
    let other = try #require(
      try self.mixer(.cifar, [Augmentation(Mixup()), Augmentation(Cutmix())], seed: 6))
    #expect(draws[0] != draws[1])
    #expect(mixer.draw(epoch: 2, batch: 0) != draws[0])
    #expect(other.draw(epoch: 1, batch: 0) != draws[0])
    #expect(mixer.draw(epoch: 1, batch: 0) == draws[0])
  }

  private func mixer(
    _ shape: ImageShape, _ augmentations: [Augmentation], seed: UInt64 = 5
  ) throws -> BatchMixer? {
    try BatchMixer(shape: shape, augmentations: augmentations, seed: seed)
  }

  private struct Taken: Equatable {
    var labels: [Int32]
    var weights: [Float]
    var others: [Int32]
    var otherWeights: [Float]
    var share: Float?
    var images: [UInt32]
  }

  /// A loader's epoch.
  private func epoch(
    _ number: Int, from first: Int = 0, _ augmentations: [Augmentation], workers: Int = 0,
    isWeighted: Bool = false, part: ((Int) -> Range<Int>)? = nil
  ) throws -> [Taken] {
    let dataset = try memory(
      22, numbered: true, weights: isWeighted ? (0..<22).map { Float($0) / 4 } : nil)
    let loader = try BatchLoader(
      dataset: dataset, batchSize: 7, normalization: .cifar10, augmentations: augmentations,
      seed: 1, shuffle: true, part: part, workers: workers)
    loader.start(epoch: number, fromBatch: first)
    var taken: [Taken] = []
    while let batch = loader.next() {
      func array<T>(_ pointer: UnsafePointer<T>?, _ count: Int) -> [T] {
        pointer.map { Array(UnsafeBufferPointer(start: $0, count: count)) } ?? []
      }
      taken.append(
        Taken(
          labels: array(batch.labels, batch.count), weights: array(batch.weights, batch.count),
          others: array(batch.mixed?.labels, batch.count),
          otherWeights: array(batch.mixed?.weights, batch.count), share: batch.mixed?.share,
          images: array(batch.images, batch.count * ImageShape.cifar.count).map(\.bitPattern)))
    }
    return taken
  }

  private static let both = [
    Augmentation(RandomHorizontalFlip()), Augmentation(Mixup(alpha: 0.4)),
    Augmentation(Cutmix(alpha: 1, probability: 0.5)),
  ]

  @Test func neitherWorkersNorTheBeginningMatter() throws {
    let expected = try epoch(2, Self.both)
    for workers in [1, 3] {
      #expect(try epoch(2, Self.both, workers: workers) == expected)
      for first in 1...3 {
        let rest = try epoch(2, from: first, Self.both, workers: workers)
        #expect(rest == Array(expected[first...]))
      }
    }
    #expect(try epoch(1, Self.both).map(\.share) != expected.map(\.share))
  }

  /// The last batch has one image: it is mixed with itself.
  @Test(arguments: [false, true]) func labelsAreThoseOfTheImageBefore(isWeighted: Bool) throws {
    let mixed = try epoch(1, [Augmentation(Cutmix())], isWeighted: isWeighted)
    let plain = try epoch(1, [], isWeighted: isWeighted)
    #expect(mixed.map(\.labels.count) == [7, 7, 7, 1])
    for (batch, before) in zip(mixed, plain) {
      #expect(batch.labels == before.labels && before.others.isEmpty && before.share == nil)
      let last = batch.labels.count - 1
      #expect(batch.others == [batch.labels[last]] + batch.labels.dropLast())
      #expect(batch.weights == (isWeighted ? batch.labels.map { Float($0) / 4 } : []))
      #expect(batch.otherWeights == (isWeighted ? batch.others.map { Float($0) / 4 } : []))
      // As many pixels are the image's own as its label counts.
      let size = ImageShape.cifar.count
      for place in 0...last {
        let range = (place * size)..<((place + 1) * size)
        let own = zip(batch.images[range], before.images[range]).count { $0 == $1 }
        let share = Double(try #require(batch.share))
        // Noise has equal bytes by chance.
        #expect(last == 0 ? own == size : abs(Double(own) / Double(size) - share) < 0.02)
      }
    }
  }

  /// Processes that share a batch mix it as one does, across the borders of their parts.
  @Test(arguments: [0, 2]) func partsAreMixedAsTheWhole(workers: Int) throws {
    let whole = try epoch(2, Self.both, isWeighted: true)
    let parts = try (0..<3).map { part in
      try epoch(2, Self.both, workers: workers, isWeighted: true) { total in
        (total * part / 3)..<(total * (part + 1) / 3)
      }
    }
    for (index, batch) in whole.enumerated() {
      #expect(batch.labels == parts.flatMap { $0[index].labels })
      #expect(batch.images == parts.flatMap { $0[index].images })
      #expect(batch.others == parts.flatMap { $0[index].others })
      #expect(batch.otherWeights == parts.flatMap { $0[index].otherWeights })
      for part in parts where !part[index].labels.isEmpty {
        #expect(part[index].share == batch.share)
      }
    }
  }

  @Test func stagesComeInTheirOrder() throws {
    try Augmentation.validate([
      Augmentation(RandomCrop(padding: 2)), Augmentation(Cutout(size: 4)), Augmentation(Cutmix()),
      Augmentation(Mixup()),
    ])
    for (list, message) in [
      (
        [Augmentation(Mixup()), Augmentation(RandomErasing())],
        "mixup works on whole batches: it comes after random_erasing"
      ),
      (
        [Augmentation(Cutmix()), Augmentation(RandomHorizontalFlip())],
        "cutmix works on whole batches: it comes after random_horizontal_flip"
      ),
    ] {
      #expect(failure { try Augmentation.validate(list) }?.message == message)
    }
    for kind in Augmentation.kinds {
      // Whatever is neither would do nothing.
      #expect(kind is any ImageAugmentation.Type || kind is any BatchAugmentation.Type)
      #expect((kind is any BatchAugmentation.Type) == (kind.stage == .batch))
    }
  }

  @Test func numbersOutOfRangeAreRefused() {
    for (augmentation, message) in [
      (Augmentation(Mixup(alpha: 0)), "mixup: alpha 0.0 is not above 0, up to 1000"),
      (Augmentation(Mixup(alpha: .nan)), "mixup: alpha"),
      (Augmentation(Cutmix(alpha: 1001)), "cutmix: alpha 1001.0 is not above 0, up to 1000"),
      (Augmentation(Cutmix(alpha: 1, probability: 1.5)), "probability 1.5 is not from 0 to 1"),
    ] {
      let error = failure { try augmentation.validate() }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "none")")
    }
  }
}
