import CifarCore

/// Memory for gradients. Along a chain of layers only the gradients of three neighbours are needed
/// at a time, those around a convolution and the layer behind it, which work hand in hand: so a
/// chain has three buffers and takes them in turns. While the layers of a residual block go
/// backward, the gradient of its shortcut waits: it has buffers of its own.
///
/// Ring 0 is the model's own chain's; a shortcut inside `depth` other blocks has ring `depth` + 1.
/// The layers of a block use the ring of the chain that the block stands in.
struct GradientSlots {
  private let rings: [[AlignedBuffer<Float>]]

  /// - Throws: `outOfMemory`.
  init(_ nodes: [LayerNode], lanes: Int, batchSize: Int) throws {
    var sizes: [Int] = []
    GradientSlots.measure(nodes, ring: 0, depth: 0, lanes: lanes, into: &sizes)
    rings = try sizes.map { size in
      try (0..<3).map { _ in
        try AlignedBuffer(count: size * batchSize, for: "the gradients of the activations")
      }
    }
  }

  /// The buffer of a ring that follows `other`; the first if that is not of this ring.
  func next(after other: AlignedBuffer<Float>?, ring: Int) -> AlignedBuffer<Float> {
    let ring = rings[ring]
    let place = ring.firstIndex { $0 === other }
    return ring[place.map { ($0 + 1) % ring.count } ?? 0]
  }

  /// The largest activation of each ring, in floats an image.
  private static func measure(
    _ nodes: [LayerNode], ring: Int, depth: Int, lanes: Int, into sizes: inout [Int]
  ) {
    while sizes.count <= ring { sizes.append(0) }
    for node in nodes {
      for shape in [node.input, node.output] {
        sizes[ring] = max(sizes[ring], Activation.stride(of: shape, lanes: lanes))
      }
      guard case .residual = node.spec else { continue }
      measure(node.layers, ring: ring, depth: depth + 1, lanes: lanes, into: &sizes)
      measure(node.shortcut, ring: depth + 1, depth: depth + 1, lanes: lanes, into: &sizes)
      // The identity's gradient waits there as well.
      sizes[depth + 1] = max(
        sizes[depth + 1], Activation.stride(of: node.output, lanes: lanes))
    }
  }
}
