import CifarCore
import Foundation
import Testing

@testable import CifarData

/// What torchvision made of the same images: `pil.json`, written by `make_pil_golden.py`.
private struct PILGolden: Decodable {
  struct Rotation: Decodable {
    var seed: UInt32
    var degrees: Double
    var sha256: String
  }
  struct Translation: Decodable {
    var seed: UInt32
    var dx: Int
    var dy: Int
    var sha256: String
  }
  struct Chain: Decodable {
    var seed: UInt32
    var degrees: Double
    var dx: Int
    var dy: Int
    var sha256: String
  }

  var rotations: [Rotation]
  var translations: [Translation]
  var chains: [Chain]
  var flip: String
  var normalizationBits: [UInt32]

  static func load() throws -> PILGolden {
    try decoder().decode(PILGolden.self, from: Data(golden("pil.json")))
  }
}

private typealias Transform = (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void

private func apply(_ transform: Transform, to image: [UInt8]) -> [UInt8] {
  // What a transform leaves unwritten shows.
  var result = [UInt8](repeating: 0xa5, count: ImageShape.cifar.count)
  transform(image, &result)
  return result
}

private func digest(_ image: [UInt8]) -> String { SHA256.hexadecimal(of: image) }

@Suite struct ByteTransformTests {
  @Test func flipIsTorchvisions() throws {
    let flipped = apply({ ByteTransforms(.cifar).flip($0, to: $1) }, to: noise(1))
    #expect(digest(flipped) == (try PILGolden.load()).flip)
    #expect(apply({ ByteTransforms(.cifar).flip($0, to: $1) }, to: flipped) == noise(1))
  }

  @Test func rotationsAreTorchvisionsToTheByte() throws {
    let rotations = try PILGolden.load().rotations
    #expect(rotations.count > 200)
    for rotation in rotations {
      let turned = apply(
        { ByteTransforms(.cifar).rotate($0, degrees: rotation.degrees, to: $1) },
        to: noise(rotation.seed))
      #expect(digest(turned) == rotation.sha256, "\(rotation.degrees) degrees")
    }
  }

  @Test func translationsAreTorchvisionsToTheByte() throws {
    let translations = try PILGolden.load().translations
    #expect(translations.count > 80)
    for shift in translations {
      let moved = apply(
        { ByteTransforms(.cifar).translate($0, dx: shift.dx, dy: shift.dy, to: $1) },
        to: noise(shift.seed))
      #expect(digest(moved) == shift.sha256, "by \(shift.dx), \(shift.dy)")
    }
  }

  @Test func oneAfterTheOtherTheyAreTheTutorials() throws {
    for chain in try PILGolden.load().chains {
      let flipped = apply({ ByteTransforms(.cifar).flip($0, to: $1) }, to: noise(chain.seed))
      let turned = apply(
        { ByteTransforms(.cifar).rotate($0, degrees: chain.degrees, to: $1) }, to: flipped)
      let moved = apply(
        { ByteTransforms(.cifar).translate($0, dx: chain.dx, dy: chain.dy, to: $1) }, to: turned)
      #expect(digest(moved) == chain.sha256, "image \(chain.seed)")
    }
  }

  @Test func everyByteIsNormalisedToTheBit() throws {
    let bits = try PILGolden.load().normalizationBits
    #expect(Normalization.cifar10.table().map(\.bitPattern) == bits)
  }
}
