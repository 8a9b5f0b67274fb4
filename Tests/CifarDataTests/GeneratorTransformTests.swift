import CifarCore
import Foundation
import Testing

@testable import CifarData

/// What Keras made of the same images: `generator.json` and `generator.f32`, written by
/// `make_generator_golden.py`.
private struct GeneratorGolden: Decodable {
  struct Case: Decodable {
    var seed: UInt32
    var theta: Double
    var tx: Double
    var ty: Double
    var flipHorizontal: Bool
    var zx: Double?
    var zy: Double?
    var brightness: Float?
  }
  var cases: [Case]
}

@Suite struct GeneratorTransformTests {
  @Test func isKerasTransformWithinAThousandth() throws {
    let cases = try decoder().decode(
      GeneratorGolden.self, from: Data(golden("generator.json"))
    ).cases
    let numbers = try golden("generator.f32").withUnsafeBytes {
      Array($0.bindMemory(to: Float.self))
    }
    #expect(numbers.count == cases.count * ImageShape.cifar.count)
    for (index, parameters) in cases.enumerated() {
      // Keras exchanges the axes of its matrix: its tx moves columns, its theta turns the other way.
      let transform = GeneratorTransform(
        theta: -parameters.theta, tx: parameters.ty, ty: parameters.tx,
        flip: parameters.flipHorizontal, zx: parameters.zy ?? 1, zy: parameters.zx ?? 1)
      var result = apply(transform, to: noise(parameters.seed))
      if let factor = parameters.brightness {
        var bytes = [UInt8](repeating: 0, count: result.count)
        ColorTransforms(.cifar).brightness(result.map { UInt8($0) }, factor: factor, to: &bytes)
        result = bytes.map(Float.init)
      }
      let expected = numbers[
        (index * ImageShape.cifar.count)..<((index + 1) * ImageShape.cifar.count)]
      let errors = zip(result, expected).map { abs($0 - $1) }
      if parameters.brightness == nil {
        #expect(errors.max() ?? .infinity < 1e-3, "case \(index)")
      } else {
        // Fractions are cut off before: now and then a rounding error is a whole step.
        #expect(errors.count { $0 > 1e-3 } <= 3, "case \(index)")
        #expect(errors.max() ?? .infinity <= 2, "case \(index)")
      }
    }
  }

  @Test func tooLittleToMoveIsTheImageItself() {
    let image = noise(5)
    let same = apply(GeneratorTransform(theta: 0, tx: 0, ty: 0, flip: false), to: image)
    #expect(same == image.map(Float.init))
  }

  /// The names of the options hold: a height shift moves rows, a width shift columns.
  @Test func txMovesRows() {
    var image = [UInt8](repeating: 0, count: ImageShape.cifar.count)
    image[10 * 32 + 20] = 200
    let up = apply(GeneratorTransform(theta: 0, tx: 3, ty: 0, flip: false), to: image)
    #expect(up[7 * 32 + 20] == 200)
    let left = apply(GeneratorTransform(theta: 0, tx: 0, ty: 3, flip: false), to: image)
    #expect(left[10 * 32 + 17] == 200)
  }

  private func apply(_ transform: GeneratorTransform, to image: [UInt8]) -> [Float] {
    var result = [Float](repeating: .nan, count: ImageShape.cifar.count)
    transform.apply(.cifar, image, to: &result)
    return result
  }
}
