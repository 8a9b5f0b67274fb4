import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// What torchvision made of the same images: `auto_augment.json`, written by
/// `make_auto_augment_golden.py`.
private struct AutoAugmentGolden: Decodable {
  struct Case: Decodable {
    var seed: UInt32
    var shape: [Int]
    /// Whether the image has few values, and a channel of one only.
    var isDim: Bool
    var fill: Int
    var space: String
    var operations: [String]
    /// The first eight digits of each result's SHA-256.
    var digests: [String]
  }
  var bins: Int
  var cases: [Case]
}

/// TrivialAugmentWide and RandAugment.
@Suite struct AutoAugmentTests {
  /// Every operation at every strength, in both directions.
  @Test func operationsAreTorchvisionsToTheByte() throws {
    let file = try decoder().decode(
      AutoAugmentGolden.self, from: Data(golden("auto_augment.json")))
    #expect(file.cases.count == 10)
    for one in file.cases {
      let shape = try ImageShape(one.shape)
      let image = picture(one, shape)
      let space: AutoAugmentOperation.Space = one.space == "wide" ? .wide : .narrow(shape)
      #expect(one.operations.count == AutoAugmentOperation.Kind.allCases.count)
      for (kind, (name, expected)) in zip(
        AutoAugmentOperation.Kind.allCases, zip(one.operations, one.digests))
      {
        #expect(name.lowercased() == "\(kind)".lowercased())
        var digests: [String] = []
        for bin in 0..<file.bins {
          for isNegative in kind.isSigned ? [false, true] : [false] {
            let operation = AutoAugmentOperation(
              kind, in: space, bin: bin, of: file.bins, isNegative: isNegative)
            // What an operation leaves unwritten shows.
            var result = [UInt8](repeating: 0xa5, count: shape.count)
            operation.apply(shape, fill: UInt8(one.fill), image, to: &result)
            digests.append(String(SHA256.hexadecimal(of: result).prefix(8)))
          }
        }
        #expect(digests.joined() == expected, "\(kind) of \(shape), \(one.space)")
      }
    }
  }

  private func picture(_ one: AutoAugmentGolden.Case, _ shape: ImageShape) -> [UInt8] {
    var image = noise(one.seed, count: shape.count)
    guard one.isDim else { return image }
    image = image.map { $0 / 4 + 60 }
    guard shape.channels == 3 else { return image }
    for i in 0..<shape.pixels { image[i] = 77 }
    for i in (2 * shape.pixels)..<shape.count { image[i] = image[i] / 8 * 8 }
    return image
  }

  /// Draws that come as often as they should: χ² within five deviations of its mean.
  private func expectUniform(
    _ expected: [AutoAugmentOperation: Double],
    _ draw: (inout RandomSequence) -> AutoAugmentOperation
  ) {
    let count = 60_000
    var drawn: [AutoAugmentOperation: Int] = [:]
    for index in 0..<count {
      var random = RandomSequence(
        seed: 9, purpose: .augmentation, major: 1, minor: UInt32(index))
      drawn[draw(&random), default: 0] += 1
    }
    #expect(Set(drawn.keys).isSubset(of: Set(expected.keys)))
    let square = expected.reduce(0.0) { sum, one in
      let mean = one.value * Double(count)
      let difference = Double(drawn[one.key] ?? 0) - mean
      return sum + difference * difference / mean
    }
    let freedom = Double(expected.count - 1)
    #expect(abs(square - freedom) < 5 * (2 * freedom).squareRoot(), "\(square) of \(freedom)")
  }

  /// The share of each operation among all kinds, the given strengths and both directions.
  private func shares(
    _ space: AutoAugmentOperation.Space, _ strengths: ClosedRange<Int>, of bins: Int
  ) -> [AutoAugmentOperation: Double] {
    var shares: [AutoAugmentOperation: Double] = [:]
    for kind in AutoAugmentOperation.Kind.allCases {
      for bin in strengths {
        for isNegative in [false, true] {
          let operation = AutoAugmentOperation(
            kind, in: space, bin: bin, of: bins, isNegative: kind.isSigned && isNegative)
          shares[operation, default: 0] += 1 / Double(14 * strengths.count * 2)
        }
      }
    }
    return shares
  }

  @Test(arguments: [31, 7]) func allStrengthsAreDrawnAlike(bins: Int) {
    let augmentation = TrivialAugmentWide(bins: bins)
    expectUniform(shares(.wide, 0...(bins - 1), of: bins)) { augmentation.draw(&$0) }
  }

  @Test(arguments: [(0, 31), (9, 31), (30, 31), (1, 2)])
  func ofOneStrengthAllKindsAreDrawnAlike(magnitude: Int, bins: Int) {
    let augmentation = RandAugment(magnitude: magnitude, bins: bins)
    expectUniform(shares(.narrow(.cifar), magnitude...magnitude, of: bins)) {
      augmentation.draw(for: .cifar, &$0)
    }
  }

  /// Each change of an image is drawn by itself.
  @Test func changesComeOneAfterTheOther() throws {
    let shape = ImageShape.cifar
    let pipeline = try ImagePipeline(
      shape: shape, normalization: .unit, augmentations: [Augmentation(RandAugment(operations: 3))],
      seed: 5)
    var target = [Float](repeating: .nan, count: shape.count)
    var combinations: Set<[AutoAugmentOperation]> = []
    for sample in 0..<40 {
      pipeline.run(noise(3), epoch: 2, sample: sample, to: &target)
      var random = RandomSequence(
        seed: 5, purpose: .augmentation, major: 2, minor: UInt32(sample))
      let operations = (0..<3).map { _ in RandAugment().draw(for: shape, &random) }
      var image = noise(3)
      for operation in operations {
        var next = image
        operation.apply(shape, fill: 0, image, to: &next)
        image = next
      }
      for (number, byte) in zip(target, image) { #expect(abs(number * 255 - Float(byte)) < 1e-3) }
      combinations.insert(operations)
    }
    #expect(combinations.count > 35)
  }

  @Test func numbersOutOfRangeAreRefused() {
    for (augmentation, message) in [
      (Augmentation(TrivialAugmentWide(bins: 1)), "num_magnitude_bins 1 is not from 2 to 1000"),
      (Augmentation(TrivialAugmentWide(fill: 256)), "fill 256 is not from 0 to 255"),
      (Augmentation(RandAugment(operations: -1)), "num_ops -1 is not from 0 to 100"),
      (
        Augmentation(RandAugment(magnitude: 31)),
        "rand_augment: magnitude 31 is not below the 31 of num_magnitude_bins"
      ),
    ] {
      let error = failure { try augmentation.validate() }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "none")")
    }
  }
}
