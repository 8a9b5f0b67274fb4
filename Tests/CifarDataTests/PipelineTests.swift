import CifarCore
import Foundation
import Testing

@testable import CifarData

/// How the pipeline draws the parameters of its transforms.
@Suite struct PipelineTests {
  /// A single lit pixel in the middle shows where an image went.
  private static let dot: [UInt8] = {
    var image = [UInt8](repeating: 0, count: Dataset.imageBytes)
    image[16 * 32 + 10] = 255
    return image
  }()

  private func places(
    _ augmentation: Augmentation, count: Int
  ) -> [(row: Int, column: Int)?] {
    let pipeline = ImagePipeline(normalization: .unit, augmentations: [augmentation], seed: 5)
    var result = [Float](repeating: 0, count: Dataset.imageBytes)
    return (0..<count).map { sample in
      pipeline.run(PipelineTests.dot, epoch: 1, sample: sample, to: &result)
      return result[0..<1024].firstIndex(of: 1).map { ($0 / 32, $0 % 32) }
    }
  }

  @Test(arguments: [(0.0, 0...0), (0.5, 420...580), (1.0, 1000...1000), (0.2, 140...260)])
  func flipsComeAsOftenAsTheyShould(probability: Double, range: ClosedRange<Int>) {
    let flips = places(.randomHorizontalFlip(probability: probability), count: 1000)
      .filter { $0?.column == 21 }.count
    #expect(range.contains(flips), "\(flips)")
  }

  @Test func shiftsReachEveryPlaceAndNoFurther() {
    let shifts = places(.randomTranslation(share: 0.1), count: 2000).compactMap { $0 }
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

  @Test func rotationsGoBothWaysAndNoFurther() {
    let turned = places(.randomRotation(degrees: 15), count: 400).compactMap { $0 }
    // 6 pixels left of the centre and half a pixel below it: 15 degrees are 1.5 rows.
    #expect(turned.contains { $0.row < 16 })
    #expect(turned.contains { $0.row > 16 })
    #expect(turned.allSatisfy { (14...18).contains($0.row) && (9...11).contains($0.column) })
  }

  @Test func theGeneratorsNumbersKeepTheirFractions() {
    let pipeline = ImagePipeline(
      normalization: .cifar10,
      augmentations: [
        .imageDataGenerator(
          rotationRange: 0, widthShiftRange: 0, heightShiftRange: 0.1, horizontalFlip: false)
      ], seed: 5)
    var images: Set<[Float]> = []
    for sample in 0..<20 {
      var result = [Float](repeating: .nan, count: Dataset.imageBytes)
      pipeline.run(noise(1), epoch: 1, sample: sample, to: &result)
      let bytes = result[0..<1024].map { ($0 * 0.2023 + 0.4914) * 255 }
      #expect(bytes.allSatisfy { $0 > -0.01 && $0 < 255.01 })
      #expect(bytes.contains { abs($0 - $0.rounded()) > 0.1 })
      images.insert(result)
    }
    #expect(images.count == 20)
  }

  @Test func augmentationsComeBackFromJSON() throws {
    let all: [Augmentation] = [
      .randomHorizontalFlip(probability: 0.25), .randomRotation(degrees: 15),
      .randomTranslation(share: 0.1),
      .imageDataGenerator(
        rotationRange: 15, widthShiftRange: 0.1, heightShiftRange: 0.2, horizontalFlip: true),
    ]
    let text = try JSONEncoder().encode(all)
    #expect(try JSONDecoder().decode([Augmentation].self, from: text) == all)
    #expect(String(decoding: text, as: UTF8.self).contains(#""type":"random_rotation""#))
    let unknown = Data(#"[{"type":"mixup"}]"#.utf8)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([Augmentation].self, from: unknown)
    }
  }
}
