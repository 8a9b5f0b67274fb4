import CifarCore
import TestSupport
import Testing

@testable import CifarData

/// A batch that outlives the loader's next call.
private struct Taken: Equatable, CustomTestStringConvertible {
  var index: Int
  var labels: [Int32]
  /// The bytes of the numbers: equal to the bit.
  var images: [UInt8]

  // A failure is not to print all the bytes.
  var testDescription: String { "batch \(index)" }
}

private let tutorial: [Augmentation] = [
  Augmentation(RandomHorizontalFlip(probability: 0.5)), Augmentation(RandomRotation(degrees: 15)),
  Augmentation(RandomTranslation(share: 0.1)),
]
private let generator: [Augmentation] = [
  Augmentation(
    ImageDataGenerator(
      rotationRange: 15, widthShiftRange: 0.1, heightShiftRange: 0.1, horizontalFlip: true))
]

extension BatchLoader {
  fileprivate func take() -> Taken? {
    next().map { batch in
      let numbers = UnsafeBufferPointer(
        start: batch.images, count: batch.count * ImageShape.cifar.count)
      return Taken(
        index: batch.index,
        labels: Array(UnsafeBufferPointer(start: batch.labels, count: batch.count)),
        images: Array(UnsafeRawBufferPointer(numbers)))
    }
  }

  fileprivate func epoch(_ epoch: Int, from batch: Int = 0) -> [Taken] {
    start(epoch: epoch, fromBatch: batch)
    var taken: [Taken] = []
    while let batch = take() { taken.append(batch) }
    return taken
  }
}

private func loader(
  _ count: Int = 55, batchSize: Int = 8, augmentations: [Augmentation] = tutorial,
  seed: UInt64 = 1, shuffle: Bool = true, workers: Int = 1
) throws -> BatchLoader {
  try BatchLoader(
    dataset: try memory(count, numbered: true), batchSize: batchSize, normalization: .cifar10,
    augmentations: augmentations, seed: seed, shuffle: shuffle, workers: workers)
}

@Suite struct BatchLoaderTests {
  @Test(arguments: [tutorial, generator])
  func theNumberOfWorkersChangesNothing(augmentations: [Augmentation]) throws {
    let expected = try loader(augmentations: augmentations, workers: 0)
    let epochs = [expected.epoch(1), expected.epoch(2)]
    for workers in [1, 2, 5] {
      let other = try loader(augmentations: augmentations, workers: workers)
      #expect(other.epoch(1) == epochs[0])
      // The epochs before do not matter either.
      let fresh = try loader(augmentations: augmentations, workers: workers)
      #expect(fresh.epoch(2) == epochs[1])
    }
  }

  @Test func anEpochIsAPermutation() throws {
    let loader = try loader()
    #expect(loader.batchesPerEpoch == 7)
    let batches = loader.epoch(1)
    #expect(batches.map(\.index) == Array(0..<7))
    #expect(batches.map(\.labels.count) == [8, 8, 8, 8, 8, 8, 7])
    let order = batches.flatMap(\.labels)
    #expect(order.sorted() == (0..<55).map(Int32.init))
    #expect(order != order.sorted())
  }

  @Test func epochsAndSeedsDiffer() throws {
    let first = try loader()
    let other = try loader(seed: 1 << 40)
    let orders = [first.epoch(1), first.epoch(2), other.epoch(1)].map { $0.flatMap(\.labels) }
    #expect(Set(orders).count == 3)
    // Also where the order is the same, each epoch changes the images in its own way.
    let unshuffled = try loader(shuffle: false)
    let (one, two) = (unshuffled.epoch(1), unshuffled.epoch(2))
    #expect(one.map(\.labels) == two.map(\.labels))
    #expect(zip(one, two).allSatisfy { $0.images != $1.images })
  }

  @Test func everyPlaceIsReachedByEveryImage() throws {
    // How often image 0 comes first, among 5, in 500 epochs: 100 times, ± five deviations.
    let loader = try loader(5, batchSize: 5, augmentations: [], workers: 0)
    var firsts = [Int](repeating: 0, count: 5)
    for epoch in 1...500 { firsts[Int(loader.epoch(epoch)[0].labels[0])] += 1 }
    for count in firsts { #expect((55...145).contains(count), "\(firsts)") }
  }

  @Test(arguments: [0, 1, 3]) func theMiddleOfAnEpochIsTheSame(workers: Int) throws {
    let whole = try loader(workers: workers).epoch(3)
    let loader = try loader(workers: workers)
    for batch in 0...7 { #expect(loader.epoch(3, from: batch) == Array(whole[batch...])) }
    #expect(loader.epoch(3, from: 8).isEmpty)
  }

  @Test(arguments: [0, 2]) func anEpochCanBeLeftEarly(workers: Int) throws {
    let whole = try loader(workers: 0).epoch(2)
    let loader = try loader(workers: workers)
    loader.start(epoch: 1)
    _ = loader.take()
    loader.stop()
    #expect(loader.take() == nil)
    #expect(loader.epoch(2) == whole)
    loader.start(epoch: 1)
    _ = loader.take()
    // Without a stop.
    #expect(loader.epoch(2) == whole)
    #expect(loader.take() == nil)
  }

  @Test func aLoaderCanGoInTheMiddleOfAnEpoch() throws {
    for _ in 0..<20 {
      let loader = try loader(workers: 3)
      loader.start(epoch: 1)
      _ = loader.next()
    }
  }

  @Test func withoutAugmentationImagesAreOnlyNormalised() throws {
    let loader = try loader(20, augmentations: [], shuffle: false)
    let dataset = try memory(20, numbered: true)
    let normalizer = ImageNormalizer(.cifar, .cifar10)
    var expected = [Float](repeating: 0, count: ImageShape.cifar.count)
    let batches = loader.epoch(1)
    #expect(batches.flatMap(\.labels) == Array(0..<20))
    for index in 0..<20 {
      normalizer.run(dataset.image(index), to: &expected)
      let start = index % 8 * ImageShape.cifar.count * 4
      let image = batches[index / 8].images[start..<(start + ImageShape.cifar.count * 4)]
      #expect(Array(image) == expected.withUnsafeBytes { Array($0) })
    }
  }

  @Test func aBatchLargerThanTheDataSetHoldsItAll() throws {
    let loader = try loader(5, batchSize: 64)
    #expect(loader.batchesPerEpoch == 1)
    #expect(loader.epoch(1).map(\.labels.count) == [5])
  }

  @Test func whatCannotBeIsRefused() throws {
    for size in [0, -1] {
      #expect(failure { try loader(batchSize: size) }?.code == .invalidArgument)
    }
    for augmentation: Augmentation in [
      Augmentation(RandomHorizontalFlip(probability: 1.5)),
      Augmentation(RandomHorizontalFlip(probability: .nan)),
      Augmentation(RandomRotation(degrees: -1)), Augmentation(RandomRotation(degrees: 181)),
      Augmentation(RandomTranslation(share: 2)),
      Augmentation(
        ImageDataGenerator(
          rotationRange: 0, widthShiftRange: -0.1, heightShiftRange: 0, horizontalFlip: false)),
      Augmentation(
        ImageDataGenerator(
          rotationRange: 0, widthShiftRange: 0, heightShiftRange: .infinity, horizontalFlip: false)),
    ] {
      let error = failure { try loader(augmentations: [augmentation]) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(augmentation.type) == true)
    }
  }
}
