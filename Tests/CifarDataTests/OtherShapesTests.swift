import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// What torchvision, Pillow, NumPy and Keras made of images of other shapes: `other_shapes.json`,
/// written by `make_other_shapes_golden.py`.
private struct OtherShapesGolden: Decodable {
  struct Change: Decodable {
    var seed: UInt32
    var shape: [Int]
    var change: String
    var parameters: [Double]
    var sha256: String
  }
  struct Generated: Decodable {
    var seed: UInt32
    var shape: [Int]
    var theta: Double
    var tx: Double
    var ty: Double
    var zx: Double?
    var zy: Double?
    var flipHorizontal: Bool
    var numbers: [Float]
  }

  var changes: [Change]
  var generated: [Generated]

  static func load() throws -> OtherShapesGolden {
    try decoder().decode(OtherShapesGolden.self, from: Data(golden("other_shapes.json")))
  }
}

/// Images that are grey, or have more rows than columns.
@Suite struct OtherShapesTests {
  @Test func bytesAreThoseOfOthers() throws {
    let cases = try OtherShapesGolden.load().changes
    #expect(cases.count == 64)
    for one in cases {
      let shape = try ImageShape(one.shape)
      let image = noise(one.seed, count: shape.count)
      // What a transform leaves unwritten shows.
      var result = [UInt8](repeating: 0xa5, count: shape.count)
      try change(one.change, one.parameters, shape, image, to: &result)
      #expect(SHA256.hexadecimal(of: result) == one.sha256, "\(one.change) of \(shape)")
    }
  }

  private func change(
    _ name: String, _ parameters: [Double], _ shape: ImageShape, _ image: [UInt8],
    to result: inout [UInt8]
  ) throws {
    let (bytes, colors) = (ByteTransforms(shape), ColorTransforms(shape))
    let numbers = parameters.map(Float.init)
    let whole = parameters.map { Int($0) }
    switch name {
    case "flip": bytes.flip(image, to: &result)
    case "rotate": bytes.rotate(image, degrees: parameters[0], to: &result)
    case "translate": bytes.translate(image, dx: whole[0], dy: whole[1], to: &result)
    case "reflect": bytes.translateReflecting(image, dx: whole[0], dy: whole[1], to: &result)
    case "brightness": colors.brightness(image, factor: numbers[0], to: &result)
    case "contrast": colors.contrast(image, factor: numbers[0], to: &result)
    case "saturation": colors.saturation(image, factor: numbers[0], to: &result)
    case "hue": colors.hue(image, shift: parameters[0], to: &result)
    default: Issue.record("unknown change \(name)")
    }
  }

  @Test func numbersAreKeras() throws {
    let cases = try OtherShapesGolden.load().generated
    #expect(cases.count == 3)
    for one in cases {
      let shape = try ImageShape(one.shape)
      // Keras exchanges the axes of its matrix; the script has its centre in the middle.
      let transform = GeneratorTransform(
        theta: -one.theta, tx: one.ty, ty: one.tx, flip: one.flipHorizontal, zx: one.zy ?? 1,
        zy: one.zx ?? 1)
      var result = [Float](repeating: .nan, count: shape.count)
      transform.apply(shape, noise(one.seed, count: shape.count), to: &result)
      let error = zip(result, one.numbers).map { abs($0 - $1) }.max()
      #expect(result.count == one.numbers.count && error ?? .infinity < 1e-3, "\(shape)")
    }
  }

  /// Every augmentation on every shape, bytes and numbers that stay inside the image.
  @Test(arguments: [[1, 8, 8], [1, 28, 28], [3, 8, 128], [3, 128, 8], [3, 64, 64]])
  func everyAugmentationWorks(dimensions: [Int]) throws {
    let shape = try ImageShape(dimensions)
    let images = noise(7, count: 6 * shape.count)
    let labels: [Int32] = [0, 1, 0, 1, 0, 1]
    let dataset = try images.withUnsafeBufferPointer { images in
      try labels.withUnsafeBufferPointer { labels in
        try Dataset(
          images: images, shape: shape, labels: labels, classNames: ["a", "b"], split: .train)
      }
    }
    let normalization = Normalization(statisticsOf: dataset)
    #expect(normalization.mean.count == shape.channels)
    let augmentations = [
      Augmentation(RandomHorizontalFlip(probability: 1)), Augmentation(RandomRotation(degrees: 30)),
      Augmentation(RandomTranslation(share: 0.5)),
      Augmentation(RandomCrop(padding: 7, reflect: true)),
      Augmentation(ColorJitter(brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.1)),
      Augmentation(
        ImageDataGenerator(
          rotationRange: 20, widthShiftRange: 0.2, heightShiftRange: 0.2, horizontalFlip: true,
          zoomRange: [0.8, 1.2], brightnessRange: [0.5, 1.5])),
      Augmentation(TrivialAugmentWide()), Augmentation(RandAugment(operations: 14, magnitude: 30)),
      Augmentation(Cutout(size: 6)), Augmentation(RandomErasing(probability: 1)),
      Augmentation(Mixup()), Augmentation(Cutmix()),
    ]
    let loader = try BatchLoader(
      dataset: dataset, batchSize: 4, normalization: normalization, augmentations: augmentations,
      seed: 1, shuffle: true, workers: 0)
    loader.start(epoch: 1)
    var seen = 0
    while let batch = loader.next() {
      for i in 0..<(batch.count * shape.count) { #expect(batch.images[i].isFinite) }
      seen += batch.count
    }
    #expect(seen == 6)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    for dimensions in [[2, 32, 32], [3, 7, 32], [1, 32, 129], [0, 32, 32], [3, 32]] {
      #expect(failure { try ImageShape(dimensions) }?.code == .invalidArgument)
    }
    let shape = try ImageShape([1, 8, 8])
    let crop = Augmentation(RandomCrop(padding: 8, reflect: true))
    let error = failure { try crop.validate(for: shape) }
    #expect(error?.message.contains("padding 8 is not from 0 to 7") == true)
    #expect(failure { try Normalization.cifar10.validate(channels: 1) } != nil)
  }

  /// The ones that everybody uses for MNIST have four decimals, too.
  @Test func statisticsAreThoseOfAllPixels() throws {
    let shape = try ImageShape([3, 8, 8])
    var images = [UInt8](repeating: 0, count: 2 * shape.count)
    for i in 0..<64 { images[i] = 255 }
    for i in 64..<128 { images[i] = UInt8(i) }
    let labels: [Int32] = [0, 1]
    let dataset = try images.withUnsafeBufferPointer { images in
      try labels.withUnsafeBufferPointer { labels in
        try Dataset(
          images: images, shape: shape, labels: labels, classNames: ["a", "b"], split: .train)
      }
    }
    let statistics = Normalization(statisticsOf: dataset)
    #expect(statistics.mean == [0.5, 0.1873, 0])
    #expect(statistics.std[0] == 0.5 && statistics.std[1] == 0.1941)
    // What has one colour only is not divided by nothing.
    #expect(statistics.std[2] == Float(1) / 255)
  }
}
