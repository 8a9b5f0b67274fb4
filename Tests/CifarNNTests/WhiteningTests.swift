import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarNN

/// The initializers of convolutions: `dirac`, and `whitening` against NumPy's eigenvectors,
/// `Golden/make_whitening_golden.py`.
@Suite struct WhiteningTests {
  private struct Golden: Decodable {
    let values: [Double]
    let filters: [[Double]]
  }

  private static func whitened() throws -> Network {
    let spec = ModelSpec(
      input: [3, 6, 7],
      layers: [
        .conv2d(filters: 24, kernelSize: 2, padding: .valid, initializer: .whitening), .flatten,
        .dense(units: 4),
      ])
    let network = try Network(spec: spec, dialect: .pytorch, seed: 1)
    let images = mixedImages()
    try network.whiten(images: images.count) { index, target in
      target.update(from: images[index], count: 126)
    }
    return network
  }

  /// Noise to which neighbouring columns and channels are added.
  private static func mixedImages() -> [[Float]] {
    var random = RandomSequence(
      seed: 2026, purpose: .syntheticImages, major: 77, minor: 2000)
    return (0..<20).map { _ in
      let noise = (0..<126).map { _ in random.uniform(-2, 2) }
      return noise.indices.map { i in
        var x = noise[i]
        if i % 7 > 0 { x += 0.75 * noise[i - 1] }
        if i >= 42 { x += 0.5 * noise[i - 42] }
        return x
      }
    }
  }

  @Test func theFiltersAreNumPys() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/whitening.json")
    let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
    let filters = try Self.whitened().values("0.weight")
    let expected = golden.filters.flatMap(\.self)
    #expect(relativeError(filters, expected + expected.map { -$0 }) < 1e-5)
  }

  @Test func whitenedPatchesAreUncorrelated() throws {
    let filters = try Self.whitened().values("0.weight").doubles
    var moments = [Double](repeating: 0, count: 144)
    for image in Self.mixedImages().map(\.doubles) {
      for y in 0..<5 {
        for x in 0..<6 {
          let patch = (0..<12).map { image[$0 / 4 * 42 + (y + $0 % 4 / 2) * 7 + x + $0 % 2] }
          let z = (0..<12).map { f in (0..<12).reduce(0) { $0 + filters[f * 12 + $1] * patch[$1] } }
          for i in 0..<144 { moments[i] += z[i / 12] * z[i % 12] / 600 }
        }
      }
    }
    for i in 0..<144 { #expect(abs(moments[i] - (i / 12 == i % 12 ? 1 : 0)) < 5e-3) }
  }

  @Test func eigenvectorsOfAKnownMatrix() {
    // 2·1 + the ones that an arrow has: eigenvalues 2 ± √2 and 2.
    let eigen = SymmetricEigen([2, 1, 0, 9, 2, 1, 9, 9, 2], size: 3)
    let root = 2.0.squareRoot()
    for (value, expected) in zip(eigen.values, [2 + root, 2, 2 - root]) {
      #expect(abs(value - expected) < 1e-14)
    }
    for (vector, expected) in zip(
      eigen.vectors, [[0.5, root / 2, 0.5], [1 / root, 0, -1 / root]])
    {
      let sign = vector[0] * expected[0] > 0 ? 1.0 : -1
      for (x, e) in zip(vector, expected) { #expect(abs(sign * x - e) < 1e-14) }
    }
    #expect(SymmetricEigen([5], size: 1).values == [5])
    #expect(SymmetricEigen([Double](repeating: 0, count: 4), size: 2).values == [0, 0])
  }

  @Test func diracPassesChannelsOn() throws {
    let spec = ModelSpec(
      input: [3, 5, 5],
      layers: [
        .conv2d(filters: 5, bias: false, initializer: .dirac),
        .conv2d(filters: 4, kernelSize: 2, initializer: .dirac), .flatten, .dense(units: 4),
      ])
    let network = try Network(spec: spec, dialect: .pytorch, seed: 1)
    let plain = try Network(
      spec: ModelSpec(
        input: [3, 5, 5],
        layers: [
          .conv2d(filters: 5, bias: false), .conv2d(filters: 4, kernelSize: 2), .flatten,
          .dense(units: 4),
        ]), dialect: .pytorch, seed: 1)
    for (name, inputs, taps, centre) in [("0.weight", 3, 9, 4), ("1.weight", 5, 4, 3)] {
      let weights = network.values(name)
      let filters = weights.count / (inputs * taps)
      for (i, weight) in weights.enumerated() {
        let (filter, channel, tap) = (i / (inputs * taps), i / taps % inputs, i % taps)
        if filter < min(filters, inputs) {
          #expect(weight == (channel == filter && tap == centre ? 1 : 0))
        } else {
          #expect(weight == plain.values(name)[i])
        }
      }
    }
    #expect(network.values("1.bias") == plain.values("1.bias"))
  }

  @Test func whiteningIsForTheFirstLayerAndItsFilters() throws {
    let few = LayerSpec.conv2d(filters: 23, kernelSize: 2, initializer: .whitening)
    let error = #expect(throws: CifarError.self) {
      try ModelSpec(layers: [few, .flatten, .dense(units: 4)]).nodes()
    }
    #expect(error?.message.contains("filters is 23, not 24") == true)
    let late = LayerSpec.conv2d(filters: 24, kernelSize: 2, initializer: .whitening)
    let other = #expect(throws: CifarError.self) {
      try ModelSpec(layers: [.relu, late, .flatten, .dense(units: 4)]).nodes()
    }
    #expect(other?.message.contains("layer 1 (conv2d)") == true)
  }
}
