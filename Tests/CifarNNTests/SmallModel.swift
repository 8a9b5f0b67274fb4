import CifarCore
import TestSupport
import Testing

@testable import CifarNN

/// A network with every kind of layer that still takes no time: one direct and one Winograd
/// convolution, odd numbers of channels, an odd row that the pool leaves out.
enum SmallModel {
  static let spec = ModelSpec(
    input: [3, 9, 8],
    layers: [
      .conv2d(filters: 17), .batchNorm(), .relu,  // 0, 1, 2
      .conv2d(filters: 18), .relu, .maxPool(), .dropout(rate: 0.2),  // 3 … 6
      .conv2d(filters: 6, kernelSize: 3, stride: 2, padding: .valid), .batchNorm(),  // 7, 8
      .flatten, .dense(units: 21), .relu, .dropout(rate: 0.4), .dense(units: 4),  // 9 … 13
    ])
  /// Blocks in blocks, with every kind of shortcut, on images and on rows; dropout and both other
  /// poolings inside. Five rows have features of next to no variance: without a large ε, what a
  /// batch norm makes of them is rounding errors.
  static let residual = ModelSpec(
    input: [3, 9, 8],
    layers: [
      .residual(layers: [.conv2d(filters: 3), .relu], shortcut: []),  // 0
      .conv2d(filters: 17), .batchNorm(), .relu,  // 1, 2, 3
      .residual(  // 4
        layers: [
          .conv2d(filters: 17), .batchNorm(), .relu,
          .residual(layers: [.conv2d(filters: 17), .batchNorm()]), .dropout(rate: 0.2),
        ],
        shortcut: [
          .residual(
            layers: [.conv2d(filters: 17, kernelSize: 1)],
            shortcut: [.conv2d(filters: 17, kernelSize: 1), .batchNorm()])
        ]),
      .relu,  // 5
      .residual(  // 6
        layers: [.conv2d(filters: 9, stride: 2), .batchNorm(), .relu, .conv2d(filters: 9)],
        shortcut: [.conv2d(filters: 9, kernelSize: 1, stride: 2, padding: .valid), .batchNorm()]),
      .avgPool, .globalAveragePool,  // 7, 8
      .residual(layers: [.dense(units: 9), .relu, .dropout(rate: 0.3)]),  // 9
      .residual(  // 10
        layers: [.dense(units: 21), .batchNorm(epsilon: 0.1), .relu],
        shortcut: [.dense(units: 21), .batchNorm(momentum: 0.01, epsilon: 0.1, unbiased: false)]),
      .relu, .dense(units: 4),  // 11, 12
    ])

  /// Biases that a batch norm follows on.
  static func cancelledBiases(of spec: ModelSpec) -> Set<String> {
    let nodes = ((try? spec.nodes()) ?? []).flatMap(\.all)
    let names = zip(nodes, nodes.dropFirst()).compactMap { node, next -> String? in
      guard ["conv2d", "dense"].contains(node.spec.type), next.spec.type == "batch_norm",
        !next.isFrozen
      else { return nil }
      return "\(node.path).bias"
    }
    return Set(names)
  }

  /// What a test has to say of a model: its name, not its layers.
  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let spec: ModelSpec

    init(_ name: String, _ spec: ModelSpec) {
      testDescription = name
      self.spec = spec
    }
  }

  static let cases = [Case("chain", spec), Case("residual", residual)] + tiny

  /// Images that pools make smaller and smaller down to one pixel, on which convolutions of every
  /// kind follow: Winograd's and direct ones, with strides, filters that mostly lie beside the image,
  /// uneven frames. A batch norm there sees five values a channel.
  static let tiny = [
    Case(
      "one pixel",
      ModelSpec(
        input: [3, 5, 4],
        layers: [
          .conv2d(filters: 16), .batchNorm(), .relu, .maxPool(),  // 2×2
          .conv2d(filters: 17), .relu, .maxPool(),  // 1×1
          .conv2d(filters: 16, stride: 2), .batchNorm(epsilon: 1), .relu,
          .conv2d(filters: 18), .relu,
          .conv2d(filters: 9, kernelSize: 5, stride: 2, padding: .sameUpper), .relu,
          .conv2d(filters: 7, kernelSize: 1, stride: 2, padding: .valid), .flatten,
          .dense(units: 4),
        ])),
    Case(
      "residual at one pixel",
      ModelSpec(
        input: [3, 3, 3],
        layers: [
          .conv2d(filters: 16), .relu,
          .residual(  // 2×2
            layers: [.conv2d(filters: 17, stride: 2), .relu, .conv2d(filters: 17)],
            shortcut: [.conv2d(filters: 17, kernelSize: 1, stride: 2, padding: .valid)]),
          .relu, .avgPool,  // 1×1
          .residual(
            layers: [.conv2d(filters: 9, kernelSize: 5, stride: 2), .batchNorm(epsilon: 1)],
            shortcut: [.conv2d(filters: 9, stride: 2)]),
          .relu, .globalAveragePool, .dense(units: 4),
        ])),
    Case(
      "gelu",
      ModelSpec(
        input: [3, 5, 4],
        layers: [
          .gelu, .conv2d(filters: 17), .batchNorm(), .gelu, .conv2d(filters: 9), .gelu, .maxPool(),
          .residual(layers: [.conv2d(filters: 9), .gelu], shortcut: [.gelu]), .gelu, .flatten,
          .dense(units: 9), .gelu, .dropout(rate: 0.3), .gelu, .dense(units: 4),
        ])),
    Case(
      "airbench's parts",
      ModelSpec(
        input: [3, 10, 11],
        layers: [
          .conv2d(filters: 17, kernelSize: 2, padding: .valid), .gelu,  // 9×10
          .conv2d(filters: 18, bias: false), .maxPool(), .batchNorm(scale: false), .gelu,  // 4×5
          .conv2d(filters: 17, bias: false), .batchNorm(scale: false), .gelu, .scale(factor: 0.5),
          .conv2d(filters: 9, kernelSize: 2, padding: .valid), .maxPool(size: 3), .flatten,  // 1×1
          .scale(factor: -0.3), .dense(units: 4, bias: false),
        ])),
    Case(
      "global max",
      ModelSpec(
        input: [3, 4, 5],
        layers: [
          .conv2d(filters: 17, kernelSize: 2, bias: false), .batchNorm(scale: false), .relu,
          .residual(layers: [.conv2d(filters: 17, bias: false), .batchNorm(), .gelu]),
          .globalMaxPool, .dense(units: 6, bias: false), .batchNorm(epsilon: 1, scale: false),
          .relu, .dense(units: 4),
        ])),
    Case(
      "not all trainable",
      ModelSpec(
        input: [3, 9, 8],
        layers: [
          .conv2d(filters: 17, trainable: false), .batchNorm(trainable: false), .relu, .maxPool(),
          .conv2d(filters: 18), .batchNorm(trainable: false), .relu, .maxPool(),
          .conv2d(filters: 9, trainable: false), .batchNorm(), .gelu,
          .residual(
            layers: [.conv2d(filters: 9), .batchNorm(trainable: false)],
            shortcut: [.conv2d(filters: 9, kernelSize: 1), .batchNorm(trainable: false), .gelu]),
          .relu, .conv2d(filters: 5), .batchNorm(scale: false, trainable: false), .gelu,
          .dropout(rate: 0.2), .flatten,
          .dense(units: 9), .batchNorm(trainable: false), .relu, .dense(units: 6, trainable: false),
          .dense(units: 4),
        ])),
    Case(
      "from two pixels",
      ModelSpec(
        input: [17, 2, 2],
        layers: [
          .conv2d(filters: 16), .batchNorm(), .relu,
          .conv2d(filters: 19, stride: 2, padding: .sameUpper), .batchNorm(epsilon: 1), .relu,
          .dropout(rate: 0.2), .conv2d(filters: 5, kernelSize: 5, stride: 2), .flatten,
          .dense(units: 4),
        ])),
  ]

  static let batch = 5

  /// (N, 3, 9, 8)
  static func images(_ seed: UInt64 = 1) -> [Float] { images(for: spec, seed) }

  static func images(for spec: ModelSpec, _ seed: UInt64 = 1) -> [Float] {
    Samples.uniform(batch * spec.input.reduce(1, *), seed: seed, -2, 2)
  }

  static let labels: [Int32] = [0, 3, 1, 2, 3]
}

extension Network {
  func values(_ name: String) -> [Float] {
    stateTensors().first { $0.name == name }?.values ?? []
  }
}
