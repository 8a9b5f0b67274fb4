import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// How the pipeline draws the parameters of its transforms.
@Suite struct PipelineTests {
  /// A single lit pixel in the middle shows where an image went.
  private static let dot: [UInt8] = {
    var image = [UInt8](repeating: 0, count: ImageShape.cifar.count)
    image[16 * 32 + 10] = 255
    return image
  }()

  private func places(
    _ augmentation: Augmentation, count: Int
  ) throws -> [(row: Int, column: Int)?] {
    let pipeline = try ImagePipeline(
      shape: .cifar, normalization: .unit, augmentations: [augmentation], seed: 5)
    var result = [Float](repeating: 0, count: ImageShape.cifar.count)
    return (0..<count).map { sample in
      pipeline.run(PipelineTests.dot, epoch: 1, sample: sample, to: &result)
      return result[0..<1024].firstIndex(of: 1).map { ($0 / 32, $0 % 32) }
    }
  }

  @Test(arguments: [(0.0, 0...0), (0.5, 420...580), (1.0, 1000...1000), (0.2, 140...260)])
  func flipsComeAsOftenAsTheyShould(probability: Double, range: ClosedRange<Int>) throws {
    let flips = try places(
      Augmentation(RandomHorizontalFlip(probability: probability)), count: 1000
    )
    .filter { $0?.column == 21 }.count
    #expect(range.contains(flips), "\(flips)")
  }

  @Test func shiftsReachEveryPlaceAndNoFurther() throws {
    let shifts = try places(Augmentation(RandomTranslation(share: 0.1)), count: 2000).compactMap {
      $0
    }
    #expect(shifts.count == 2000)
    let rows = Dictionary(grouping: shifts, by: \.row).mapValues(\.count)
    let columns = Dictionary(grouping: shifts, by: \.column).mapValues(\.count)
    // ± 3.2 pixels, rounded: -3 … 3, the outermost a little less often than the others.
    #expect(Set(rows.keys) == Set(13...19))
    #expect(Set(columns.keys) == Set(7...13))
    for count in rows.values { #expect((180...400).contains(count), "\(rows)") }
    // Both are drawn, not one for two.
    #expect(Set(shifts.map { $0.row * 32 + $0.column }).count == 49)
  }

  @Test func rotationsGoBothWaysAndNoFurther() throws {
    let turned = try places(Augmentation(RandomRotation(degrees: 15)), count: 400).compactMap { $0 }
    // 6 pixels left of the centre and half a pixel below it: 15 degrees are 1.5 rows.
    #expect(turned.contains { $0.row < 16 })
    #expect(turned.contains { $0.row > 16 })
    #expect(turned.allSatisfy { (14...18).contains($0.row) && (9...11).contains($0.column) })
  }

  @Test func theGeneratorsNumbersKeepTheirFractions() throws {
    let pipeline = try ImagePipeline(
      shape: .cifar, normalization: .cifar10,
      augmentations: [
        Augmentation(
          ImageDataGenerator(
            rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0.1, horizontalFlip: false))
      ], seed: 5)
    var images: Set<[Float]> = []
    for sample in 0..<20 {
      var result = [Float](repeating: .nan, count: ImageShape.cifar.count)
      pipeline.run(noise(1), epoch: 1, sample: sample, to: &result)
      let bytes = result[0..<1024].map { ($0 * 0.2023 + 0.4914) * 255 }
      #expect(bytes.allSatisfy { $0 > -0.01 && $0 < 255.01 })
      #expect(bytes.contains { abs($0 - $0.rounded()) > 0.1 })
      images.insert(result)
    }
    #expect(images.count == 20)
  }

  @Test func cropsReachEveryPlaceAndNoFurther() throws {
    for reflect in [false, true] {
      let crops = try places(Augmentation(RandomCrop(padding: 4, reflect: reflect)), count: 2000)
        .compactMap {
          $0
        }
      #expect(crops.count == 2000)
      #expect(Set(crops.map(\.row)) == Set(12...20))
      #expect(Set(crops.map(\.column)) == Set(6...14))
      #expect(Set(crops.map { $0.row * 32 + $0.column }).count == 81)
    }
  }

  /// The numbers of one sample through some augmentations.
  private func numbers(_ augmentations: [Augmentation], _ sample: Int = 0) throws -> [Float] {
    let pipeline = try ImagePipeline(
      shape: .cifar, normalization: .unit, augmentations: augmentations, seed: 5)
    var result = [Float](repeating: .nan, count: ImageShape.cifar.count)
    pipeline.run(noise(3), epoch: 1, sample: sample, to: &result)
    return result
  }

  @Test func rangesThatAreNoneChangeNothing() throws {
    let image = try numbers([])
    #expect(try numbers([Augmentation(RandomCrop(padding: 0, reflect: false))]) == image)
    #expect(
      try numbers([Augmentation(ColorJitter(brightness: 0, contrast: 0, saturation: 0, hue: 0))])
        == image)
    #expect(
      try numbers([
        Augmentation(
          ImageDataGenerator(
            rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0, horizontalFlip: false,
            brightnessRange: [1, 1]))
      ]) == image)
  }

  /// Bytes and numbers with fractions, one after the other, in any order.
  @Test func everyAugmentationFollowsEveryOther() throws {
    let all: [Augmentation] = [
      Augmentation(RandomHorizontalFlip(probability: 0.5)),
      Augmentation(RandomRotation(degrees: 20)),
      Augmentation(RandomTranslation(share: 0.2)),
      Augmentation(RandomCrop(padding: 3, reflect: true)),
      Augmentation(ColorJitter(brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.2)),
      Augmentation(
        ImageDataGenerator(
          rotationRange: 10, widthShiftRange: 0.1, heightShiftRange: 0.1, horizontalFlip: true,
          zoomRange: [0.9, 1.2])),
      Augmentation(
        ImageDataGenerator(
          rotationRange: 10, widthShiftRange: 0.1, heightShiftRange: 0.1, horizontalFlip: true,
          zoomRange: [0.9, 1.2], brightnessRange: [0.5, 1.5])),
      Augmentation(TrivialAugmentWide()), Augmentation(RandAugment()),
    ]
    for first in all {
      for second in all {
        let images = try (0..<4).map {
          try numbers([first, second, Augmentation(Cutout(size: 6))], $0)
        }
        #expect(images.joined().allSatisfy { $0 >= 0 && $0 <= 1 })
        #expect(
          try images
            == (0..<4).map { try numbers([first, second, Augmentation(Cutout(size: 6))], $0) })
        #expect(Set(images).count > 1)
      }
    }
  }

  @Test func numbersOutOfRangeAreRefused() throws {
    let wrong: [(Augmentation, String)] = [
      (
        Augmentation(RandomCrop(padding: -1, reflect: false)),
        "random_crop: padding -1 is not from 0 to 128"
      ),
      (
        Augmentation(ColorJitter(brightness: 0, contrast: 0, saturation: 0, hue: 0.6)),
        "hue 0.6 is not from 0 to 0.5"
      ),
      (
        Augmentation(ColorJitter(brightness: -1, contrast: 0, saturation: 0, hue: 0)),
        "brightness -1.0 is not from 0 to 100"
      ),
      (Augmentation(Cutout(size: 0)), "cutout: size 0 is not from 1 to 256"),
      (
        Augmentation(RandomErasing(probability: 2, scale: [0, 1], ratio: [1, 1])), "probability 2.0"
      ),
      (Augmentation(RandomErasing(probability: 1, scale: [1], ratio: [1, 1])), "scale [1.0]"),
      (
        Augmentation(RandomErasing(probability: 1, scale: [0, 1], ratio: [2, 1])),
        "ratio [2.0, 1.0]"
      ),
      (
        Augmentation(
          ImageDataGenerator(
            rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0, horizontalFlip: false,
            zoomRange: [0, 1])), "zoom_range [0.0, 1.0]"
      ),
      (
        Augmentation(
          ImageDataGenerator(
            rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0, horizontalFlip: false,
            brightnessRange: [.nan, 1])), "brightness_range"
      ),
    ]
    for (augmentation, message) in wrong {
      let error = failure { try augmentation.validate() }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "none")")
    }
  }

  /// Half of the images in the first epoch, the others in the second, and so on; each image has its
  /// own bit, whatever else is drawn.
  @Test func anAlternatingFlipTurnsEachImageEveryEpoch() throws {
    let shape = ImageShape.cifar
    let pipeline = try ImagePipeline(
      shape: shape, normalization: .unit, augmentations: [Augmentation(AlternatingFlip())], seed: 5)
    // A gradient from left to right.
    let image = (0..<shape.count).map { UInt8($0 % 32) }
    var target = [Float](repeating: 0, count: shape.count)
    func isFlipped(epoch: Int, sample: Int) -> Bool {
      pipeline.run(image, epoch: epoch, sample: sample, to: &target)
      let isFlipped = target[0] > target[31]
      for i in target.indices {
        #expect(target[i] == Float(isFlipped ? 31 - i % 32 : i % 32) / 255)
      }
      return isFlipped
    }
    var flipped = 0
    for sample in 0..<200 {
      let first = isFlipped(epoch: 1, sample: sample)
      flipped += first ? 1 : 0
      for epoch in [2, 3, 4, 9] {
        #expect(isFlipped(epoch: epoch, sample: sample) == (epoch % 2 == 1 ? first : !first))
      }
    }
    #expect((70...130).contains(flipped))
  }

  @Test func augmentationsComeBackFromJSON() throws {
    let all: [Augmentation] = [
      Augmentation(RandomHorizontalFlip(probability: 0.25)),
      Augmentation(AlternatingFlip()),
      Augmentation(RandomRotation(degrees: 15)),
      Augmentation(RandomTranslation(share: 0.1)),
      Augmentation(
        ImageDataGenerator(
          rotationRange: 15, widthShiftRange: 0.1, heightShiftRange: 0.2, horizontalFlip: true)),
      Augmentation(
        ImageDataGenerator(
          rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0, horizontalFlip: false,
          zoomRange: [0.8, 1.1], brightnessRange: [0.5, 1.5])),
      Augmentation(RandomCrop(padding: 4, reflect: true)),
      Augmentation(ColorJitter(brightness: 0.1, contrast: 0.2, saturation: 0.3, hue: 0.4)),
      Augmentation(Cutout(size: 8)),
      Augmentation(RandomErasing(probability: 0.25, scale: [0.1, 0.2], ratio: [0.5, 2])),
      Augmentation(TrivialAugmentWide(bins: 20, fill: 9)),
      Augmentation(RandAugment(operations: 3, magnitude: 5, bins: 10, fill: 1)),
      Augmentation(Mixup(alpha: 0.2, probability: 0.9)),
      Augmentation(Cutmix(alpha: 0.3, probability: 0.8)),
    ]
    #expect(Set(all.map(\.type)) == Set(Augmentation.types))
    let text = try JSONEncoder().encode(all)
    #expect(try JSONDecoder().decode([Augmentation].self, from: text) == all)
    #expect(String(decoding: text, as: UTF8.self).contains(#""type":"random_rotation""#))
    let short = Data(
      #"""
      [{"type":"random_horizontal_flip"},{"type":"image_data_generator","zoom_range":0.25},
      {"type":"random_crop","padding":2},{"type":"color_jitter","hue":0.1},
      {"type":"random_erasing"}]
      """#.utf8)
    #expect(
      try JSONDecoder().decode([Augmentation].self, from: short) == [
        Augmentation(RandomHorizontalFlip(probability: 0.5)),
        Augmentation(
          ImageDataGenerator(
            rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0, horizontalFlip: false,
            zoomRange: [0.75, 1.25])),
        Augmentation(RandomCrop(padding: 2, reflect: false)),
        Augmentation(ColorJitter(brightness: 0, contrast: 0, saturation: 0, hue: 0.1)),
        Augmentation(RandomErasing(probability: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3])),
      ])
    let unknown = Data(#"[{"type":"mosaic"}]"#.utf8)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([Augmentation].self, from: unknown)
    }
  }
}
