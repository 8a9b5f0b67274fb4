import Kernels
import Testing

@testable import CifarNN

/// `fuse` as data: which layers are computed together, for every preset, and where none may be.
@Suite struct FusionTests {
  @Test func tutorialInTraining() throws {
    #expect(
      try groups("tutorial", .training) == [
        "0 conv2d → moments of 1 batch_norm",
        "statistics of 1 batch_norm",
        "[1 batch_norm + 2 relu] → 3 conv2d → moments of 4 batch_norm",
        "statistics of 4 batch_norm",
        "[4 batch_norm + 5 relu + 6 max_pool + 7 dropout] → 8 conv2d → moments of 9 batch_norm",
        "statistics of 9 batch_norm",
        "[9 batch_norm + 10 relu] → 11 conv2d → moments of 12 batch_norm",
        "statistics of 12 batch_norm",
        "[12 batch_norm + 13 relu + 14 max_pool + 15 dropout] → 16 conv2d"
          + " → moments of 17 batch_norm",
        "statistics of 17 batch_norm",
        "[17 batch_norm + 18 relu] → 19 conv2d → moments of 20 batch_norm",
        "statistics of 20 batch_norm",
        "20 batch_norm + 21 relu + 22 max_pool + 23 dropout",
        "24 flatten",
        "25 dense + 26 relu + 27 dropout",
        "28 dense",
      ])
  }

  @Test func tutorialInInference() throws {
    #expect(
      try groups("tutorial", .inference) == [
        "0 conv2d + 1 batch_norm + 2 relu",
        "3 conv2d + 4 batch_norm + 5 relu → 6 max_pool + 7 dropout",
        "8 conv2d + 9 batch_norm + 10 relu",
        "11 conv2d + 12 batch_norm + 13 relu → 14 max_pool + 15 dropout",
        "16 conv2d + 17 batch_norm + 18 relu",
        "19 conv2d + 20 batch_norm + 21 relu → 22 max_pool + 23 dropout",
        "24 flatten",
        "25 dense + 26 relu + 27 dropout",
        "28 dense",
      ])
  }

  @Test func globalAveragePooling() throws {
    for mode in [PlanMode.training, .inference] {
      let groups = try groups("tutorial-gap", mode)
      #expect(groups.suffix(3).first == "24 global_average_pool")
      #expect(groups.count == (try self.groups("tutorial", mode)).count)
    }
  }

  @Test func residualBlocksInTraining() throws {
    let groups = try groups("tutorial-resnet", .training)
    #expect(
      groups.prefix(9) == [
        "0 conv2d → moments of 1 batch_norm",
        "statistics of 1 batch_norm",
        "1 batch_norm + 2 relu",
        "fork of 3 residual",
        "  3.layers.0 conv2d → moments of 3.layers.1 batch_norm",
        "  statistics of 3.layers.1 batch_norm",
        "  [3.layers.1 batch_norm + 3.layers.2 relu] → 3.layers.3 conv2d"
          + " → moments of 3.layers.4 batch_norm",
        "  statistics of 3.layers.4 batch_norm",
        "[3.layers.4 batch_norm] → sum of 3 residual + 4 relu",
      ])
    #expect(groups.contains { $0.contains(".shortcut.0 conv2d → moments of") })
    #expect(
      groups.contains(
        "[7.layers.4 batch_norm], [7.shortcut.1 batch_norm] → sum of 7 residual + 8 relu"))
  }

  @Test func residualBlocksInInference() throws {
    let groups = try groups("tutorial-resnet", .inference)
    #expect(
      groups.prefix(5) == [
        "0 conv2d + 1 batch_norm + 2 relu",
        "fork of 3 residual",
        "  3.layers.0 conv2d + 3.layers.1 batch_norm + 3.layers.2 relu",
        "  3.layers.3 conv2d + 3.layers.4 batch_norm",
        "sum of 3 residual + 4 relu",
      ])
  }

  /// Layers before the last ones, and its groups in training.
  struct Case: CustomTestStringConvertible, Sendable {
    let layers: [LayerSpec]
    let training: [String]
    let inference: [String]
    var testDescription: String { layers.map(\.type).joined(separator: " ") }
  }

  static let conv = LayerSpec.conv2d(filters: 16)
  static let cases = [
    // ReLU before batch norm: two stages, and the second has nothing before it that writes.
    Case(
      layers: [conv, .relu, .batchNorm(), conv],
      training: [
        "0 conv2d", "1 relu", "input side of 2 batch_norm", "statistics of 2 batch_norm",
        "[2 batch_norm] → 3 conv2d",
      ],
      inference: [
        "0 conv2d + 1 relu", "statistics of 2 batch_norm", "[2 batch_norm] → 3 conv2d",
      ]),
    // What reads the images themselves.
    Case(
      layers: [.batchNorm(), .relu, conv],
      training: [
        "input side of 0 batch_norm + 1 relu", "statistics of 0 batch_norm",
        "[0 batch_norm + 1 relu] → 2 conv2d",
      ],
      inference: ["statistics of 0 batch_norm", "[0 batch_norm + 1 relu] → 2 conv2d"]),
    // Pooling before ReLU is not the order of a stage.
    Case(
      layers: [conv, .maxPool(), .relu, conv],
      training: ["0 conv2d → 1 max_pool", "input side of 2 relu", "[2 relu] → 3 conv2d"],
      inference: ["0 conv2d → 1 max_pool", "[2 relu] → 3 conv2d"]),
    // A stage of two sides is no pooling of a convolution, nor is one with dropout in training.
    Case(
      layers: [conv, .relu, .maxPool(), conv, .maxPool(), .dropout(rate: 0.1), conv],
      training: [
        "0 conv2d → 1 relu + 2 max_pool", "3 conv2d", "[4 max_pool + 5 dropout] → 6 conv2d",
      ],
      inference: [
        "0 conv2d + 1 relu → 2 max_pool", "3 conv2d → 4 max_pool + 5 dropout", "6 conv2d",
      ]),
    // Average pooling has no part in a stage.
    Case(
      layers: [conv, .batchNorm(), .avgPool, .relu],
      training: [
        "0 conv2d → moments of 1 batch_norm", "statistics of 1 batch_norm", "1 batch_norm",
        "2 avg_pool", "input side of 3 relu", "3 relu",
      ],
      inference: ["0 conv2d + 1 batch_norm", "2 avg_pool", "3 relu"]),
    // GELU is part of a stage, but not of a convolution's weights.
    Case(
      layers: [conv, .batchNorm(), .gelu, conv],
      training: [
        "0 conv2d → moments of 1 batch_norm", "statistics of 1 batch_norm",
        "[1 batch_norm + 2 gelu] → 3 conv2d",
      ],
      inference: ["0 conv2d + 1 batch_norm", "[2 gelu] → 3 conv2d"]),
    // It falls before it rises: the maximum after it is not that before it.
    Case(
      layers: [conv, .gelu, .maxPool(), conv],
      training: ["0 conv2d", "1 gelu", "input side of 2 max_pool", "[2 max_pool] → 3 conv2d"],
      inference: ["0 conv2d", "1 gelu", "[2 max_pool] → 3 conv2d"]),
    // The gradient of a sum is that of both branches: none of them may change it where it lies.
    Case(
      layers: [.residual(layers: [conv, .gelu]), conv],
      training: [
        "fork of 0 residual", "  0.layers.0 conv2d", "  0.layers.1 gelu", "sum of 0 residual",
        "1 conv2d",
      ],
      inference: [
        "fork of 0 residual", "  0.layers.0 conv2d", "  0.layers.1 gelu", "sum of 0 residual",
        "1 conv2d",
      ]),
    // Airbench's order, and pools of other sizes.
    Case(
      layers: [conv, .maxPool(), .batchNorm(), .gelu, conv, .maxPool(size: 3), .relu],
      training: [
        "0 conv2d → 1 max_pool → moments of 2 batch_norm", "input side of 2 batch_norm + 3 gelu",
        "statistics of 2 batch_norm", "[2 batch_norm + 3 gelu] → 4 conv2d", "5 max_pool",
        "input side of 6 relu", "6 relu",
      ],
      inference: [
        "0 conv2d → 1 max_pool", "statistics of 2 batch_norm",
        "[2 batch_norm + 3 gelu] → 4 conv2d", "5 max_pool", "6 relu",
      ]),
    // The values before a block have two readers: neither computes them.
    Case(
      layers: [conv, .relu, .residual(layers: [conv, .relu]), conv],
      training: [
        "0 conv2d", "1 relu", "fork of 2 residual", "  2.layers.0 conv2d",
        "[2.layers.1 relu] → sum of 2 residual", "3 conv2d",
      ],
      inference: [
        "0 conv2d + 1 relu", "fork of 2 residual", "  2.layers.0 conv2d + 2.layers.1 relu",
        "sum of 2 residual", "3 conv2d",
      ]),
    // Flat values.
    Case(
      layers: [.flatten, .relu, .flatten, .dense(units: 7), .batchNorm(), .relu],
      training: ["0 flatten", "1 relu", "2 flatten", "3 dense", "4 batch_norm", "5 relu"],
      inference: ["0 flatten", "1 relu", "2 flatten", "3 dense", "4 batch_norm", "5 relu"]),
  ]

  @Test(arguments: cases)
  func chains(test: Case) throws {
    let isFlat = test.layers[0] == .flatten
    let tail: [LayerSpec] = (isFlat ? [] : [.flatten]) + [.dense(units: 2)]
    let nodes = try ModelSpec(input: [16, 8, 8], layers: test.layers + tail)
      .resolved(for: .pytorch).nodes()
    #expect(lines(nodes, .training).dropLast(tail.count) == test.training[...])
    #expect(lines(nodes, .inference).dropLast(tail.count) == test.inference[...])
  }

  /// What is not in the text.
  @Test func biasesThatBatchNormTakesAway() throws {
    let nodes = try ModelSpec(
      input: [16, 8, 8],
      layers: [
        Self.conv, .batchNorm(), .relu, Self.conv, .relu, .flatten, .dense(units: 5), .batchNorm(),
        .dense(units: 2),
      ]
    ).resolved(for: .pytorch).nodes()
    let cancelled = fuse(nodes, .training).compactMap { group -> Bool? in
      switch group {
      case .convolution(let group): group.biasIsCancelled
      case .dense(let group): group.biasIsCancelled
      default: nil
      }
    }
    #expect(cancelled == [true, false, true, false])
  }

  private func groups(_ preset: String, _ mode: PlanMode) throws -> [String] {
    lines(try ModelSpec.preset(preset, dialect: .pytorch).nodes(), mode)
  }

  private func lines(_ nodes: [LayerNode], _ mode: PlanMode) -> [String] {
    fuse(nodes, mode).flatMap(\.lines)
  }
}
