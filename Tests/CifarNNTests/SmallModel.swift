import CifarCore
import TestSupport

@testable import CifarNN

/// A network with every kind of layer that still takes no time: one direct and one Winograd
/// convolution, odd numbers of channels, an odd row that the pool leaves out.
enum SmallModel {
  static let spec = ModelSpec(
    input: [3, 9, 8],
    layers: [
      .conv2d(filters: 17), .batchNorm(), .relu,  // 0, 1, 2
      .conv2d(filters: 18), .relu, .maxPool2d, .dropout(rate: 0.2),  // 3 … 6
      .conv2d(filters: 6, kernelSize: 3, stride: 2, padding: .valid), .batchNorm(),  // 7, 8
      .flatten, .dense(units: 21), .relu, .dropout(rate: 0.4), .dense(units: 4),  // 9 … 13
    ])
  static let batch = 5

  /// (N, 3, 9, 8)
  static func images(_ seed: UInt64 = 1) -> [Float] {
    Samples.uniform(batch * 3 * 9 * 8, seed: seed, -2, 2)
  }

  static let labels: [Int32] = [0, 3, 1, 2, 3]
}

extension Network {
  func values(_ name: String) -> [Float] {
    stateTensors().first { $0.name == name }?.values ?? []
  }
}
