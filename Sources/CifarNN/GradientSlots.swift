import CifarCore

/// Memory for gradients. Along a chain of layers only the gradients of two neighbours are needed at
/// a time, so a chain has a pair of buffers and takes them in turns. While the layers of a residual
/// block go backward, the gradient of its shortcut waits: it has a pair of its own.
///
/// Pair 0 is the model's own chain's; a shortcut inside `depth` other blocks has pair `depth` + 1.
/// The layers of a block use the pair of the chain that the block stands in.
struct GradientSlots {
  private let pairs: [[AlignedBuffer<Float>]]

  init(_ nodes: [LayerNode], lanes: Int, batchSize: Int) {
    var sizes: [Int] = []
    GradientSlots.measure(nodes, pair: 0, depth: 0, lanes: lanes, into: &sizes)
    pairs = sizes.map { size in (0..<2).map { _ in AlignedBuffer(count: size * batchSize) } }
  }

  /// The buffer of a pair that is not `other`.
  func next(after other: AlignedBuffer<Float>?, pair: Int) -> AlignedBuffer<Float> {
    pairs[pair][pairs[pair][0] === other ? 1 : 0]
  }

  /// The largest activation of each pair, in floats an image.
  private static func measure(
    _ nodes: [LayerNode], pair: Int, depth: Int, lanes: Int, into sizes: inout [Int]
  ) {
    while sizes.count <= pair { sizes.append(0) }
    for node in nodes {
      for shape in [node.input, node.output] {
        sizes[pair] = max(sizes[pair], Activation.stride(of: shape, lanes: lanes))
      }
      guard case .residual = node.spec else { continue }
      measure(node.layers, pair: pair, depth: depth + 1, lanes: lanes, into: &sizes)
      measure(node.shortcut, pair: depth + 1, depth: depth + 1, lanes: lanes, into: &sizes)
      // The identity's gradient waits there as well.
      sizes[depth + 1] = max(
        sizes[depth + 1], Activation.stride(of: node.output, lanes: lanes))
    }
  }
}
