import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// What Pillow and NumPy made of the same images: `color.json`, written by `make_color_golden.py`.
private struct ColorGolden: Decodable {
  struct Color: Decodable {
    var seed: UInt32
    var image: String
    var change: String
    var factor: Double
    var sha256: String
  }
  struct Reflection: Decodable {
    var seed: UInt32
    var dx: Int
    var dy: Int
    var sha256: String
  }

  var colors: [Color]
  var reflections: [Reflection]

  static func load() throws -> ColorGolden {
    try decoder().decode(ColorGolden.self, from: Data(golden("color.json")))
  }
}

@Suite struct ColorTransformTests {
  @Test func coloursArePillowsToTheByte() throws {
    let colors = try ColorGolden.load().colors
    #expect(colors.count > 200)
    for color in colors {
      let image =
        color.image == "dark" ? noise(color.seed).map { $0 / 16 + 90 } : noise(color.seed)
      let change: ColorJitter.Change
      switch color.change {
      case "brightness": change = .brightness(Float(color.factor))
      case "contrast": change = .contrast(Float(color.factor))
      case "saturation": change = .saturation(Float(color.factor))
      default: change = .hue(color.factor)
      }
      var result = [UInt8](repeating: 0xa5, count: image.count)
      change.apply(ColorTransforms(.cifar), image, to: &result)
      #expect(
        SHA256.hexadecimal(of: result) == color.sha256,
        "\(color.change) \(color.factor) of \(color.image)")
    }
  }

  @Test func mirroredBordersAreNumPys() throws {
    for reflection in try ColorGolden.load().reflections {
      var result = [UInt8](repeating: 0xa5, count: ImageShape.cifar.count)
      ByteTransforms(.cifar).translateReflecting(
        noise(reflection.seed), dx: reflection.dx, dy: reflection.dy, to: &result)
      #expect(
        SHA256.hexadecimal(of: result) == reflection.sha256, "\(reflection.dx), \(reflection.dy)")
    }
  }

  @Test func jitterDrawsFactorsAndOrders() {
    var orders: Set<[String]> = []
    for sample in 0..<400 {
      var random = RandomSequence(seed: 1, purpose: .augmentation, minor: UInt32(sample))
      let changes = ColorJitter(brightness: 0.4, contrast: 0.2, saturation: 2, hue: 0.1)
        .changes(&random)
      var kinds: [String] = []
      for change in changes {
        switch change {
        case .brightness(let x):
          #expect(x >= 0.6 && x <= 1.4)
          kinds.append("b")
        case .contrast(let x):
          #expect(x >= 0.8 && x <= 1.2)
          kinds.append("c")
        case .saturation(let x):
          #expect(x >= 0 && x <= 3)
          kinds.append("s")
        case .hue(let x):
          #expect(abs(x) <= 0.1)
          kinds.append("h")
        }
      }
      orders.insert(kinds)
    }
    #expect(orders.count == 24)
    var random = RandomSequence(seed: 1, purpose: .augmentation)
    #expect(ColorJitter().changes(&random).isEmpty)
  }
}

@Suite struct ErasingTests {
  @Test func aSquareReachesEveryPlaceAndOverEveryEdge() {
    var areas: Set<Int> = []
    var centers: Set<Int> = []
    for sample in 0..<4000 {
      var random = RandomSequence(seed: 2, purpose: .augmentation, minor: UInt32(sample))
      let square = ErasedRectangle.cutout(.cifar, size: 8, &random)
      #expect(square.rows.count <= 8 && square.columns.count <= 8)
      #expect(square.rows.lowerBound >= 0 && square.rows.upperBound <= 32)
      areas.insert(square.rows.count * square.columns.count)
      centers.insert(square.rows.upperBound * 64 + square.columns.upperBound)
    }
    #expect(areas.contains(64))
    #expect(areas.min() == 16)
    #expect(centers.count > 700)
  }

  @Test func rectanglesHaveTheAreaAndTheRatioTheyShould() {
    for sample in 0..<1000 {
      var random = RandomSequence(seed: 3, purpose: .augmentation, minor: UInt32(sample))
      guard
        let rectangle = ErasedRectangle.random(
          .cifar, scale: [0.1, 0.2], ratio: [0.5, 2], &random)
      else { continue }
      let area = Double(rectangle.rows.count * rectangle.columns.count) / 1024
      #expect(area > 0.08 && area < 0.23)
      let ratio = Double(rectangle.rows.count) / Double(rectangle.columns.count)
      #expect(ratio > 0.4 && ratio < 2.4)
      #expect(rectangle.rows.upperBound <= 32 && rectangle.columns.upperBound <= 32)
    }
    var random = RandomSequence(seed: 3, purpose: .augmentation)
    #expect(ErasedRectangle.random(.cifar, scale: [1, 1], ratio: [1, 1], &random) == nil)
  }

  @Test func whatIsErasedIsZeroAfterNormalisation() throws {
    let erasing: Augmentation = Augmentation(Cutout(size: 16))
    let with = try ImagePipeline(
      shape: .cifar, normalization: .cifar10,
      augmentations: [Augmentation(RandomHorizontalFlip(probability: 0.5)), erasing], seed: 4)
    let without = try ImagePipeline(
      shape: .cifar, normalization: .cifar10,
      augmentations: [Augmentation(RandomHorizontalFlip(probability: 0.5))], seed: 4)
    for sample in 0..<20 {
      var one = [Float](repeating: .nan, count: ImageShape.cifar.count)
      var other = one
      with.run(noise(7), epoch: 1, sample: sample, to: &one)
      without.run(noise(7), epoch: 1, sample: sample, to: &other)
      let erased = one.indices.filter { one[$0] != other[$0] }
      #expect((3 * 64...3 * 256).contains(erased.count))
      #expect(erased.allSatisfy { one[$0] == 0 })
    }
    let error = failure {
      try Augmentation.validate([erasing, Augmentation(RandomRotation(degrees: 5))])
    }
    #expect(error?.message.contains("it comes after random_rotation") == true)
    try Augmentation.validate([
      Augmentation(RandomRotation(degrees: 5)), erasing,
      Augmentation(RandomErasing(probability: 1, scale: [0.02, 0.33], ratio: [0.3, 3.3])),
    ])
  }
}
