import CifarCore

/// A layer where it stands in a model: its place, its shapes, and the layers inside it.
struct LayerNode: Equatable, Sendable {
  /// `3`, or `3.layers.0` and `3.shortcut.0` inside a residual block: the layer's name in PyTorch
  /// if the block is a module with an `nn.Sequential` called `layers` and one called `shortcut`.
  let path: String
  /// Its place in the order in which the model is written down, inner layers counted.
  let number: Int
  let spec: LayerSpec
  let input: ValueShape
  let output: ValueShape
  /// A residual block's two ways; else empty.
  let layers: [LayerNode]
  let shortcut: [LayerNode]

  /// This layer and all inside it, in the order of their numbers.
  var all: [LayerNode] { [self] + layers.flatMap(\.all) + shortcut.flatMap(\.all) }

  /// Blocks in blocks beyond this are a mistake, and must not exhaust the stack.
  private static let deepest = 16
  /// Layers in all beyond this are a mistake, and sums over them must not overflow.
  private static let most = 4096

  /// - Parameters:
  ///   - number: of the first layer; afterwards, of the one behind the last.
  ///   - count: layers of the same path before the first.
  /// - Throws: `shapeMismatch` or `invalidArgument`, naming the layer by its path and type.
  static func chain(
    _ specs: [LayerSpec], from input: ValueShape, path: String, depth: Int, number: inout Int,
    after count: Int = 0
  ) throws -> [LayerNode] {
    var nodes: [LayerNode] = []
    for (index, spec) in specs.enumerated() {
      let own = path + "\(count + index)"
      let input = nodes.last?.output ?? input
      func named<Result>(_ body: () throws -> Result) throws -> Result {
        do {
          return try body()
        } catch let error as CifarError {
          throw CifarError(error.code, "layer \(own) (\(spec.type)): \(error.message)")
        }
      }
      let place = number
      number += 1
      guard number <= most else {
        throw CifarError(.invalidArgument, "the model has more than \(most) layers")
      }
      var layers: [LayerNode] = []
      var shortcut: [LayerNode] = []
      var output: ValueShape
      if case .residual(let layerSpecs, let shortcutSpecs) = spec {
        try named { try checkBlock(layerSpecs, depth: depth) }
        layers = try chain(
          layerSpecs, from: input, path: "\(own).layers.", depth: depth + 1, number: &number)
        shortcut = try chain(
          shortcutSpecs, from: input, path: "\(own).shortcut.", depth: depth + 1, number: &number)
        output = layers.last?.output ?? input
        try named { try checkSum(output, shortcut.last?.output ?? input) }
      } else {
        output = try named { try spec.output(of: input) }
      }
      nodes.append(
        LayerNode(
          path: own, number: place, spec: spec, input: input, output: output, layers: layers,
          shortcut: shortcut))
    }
    return nodes
  }

  private static func checkBlock(_ layers: [LayerSpec], depth: Int) throws {
    guard !layers.isEmpty else { throw CifarError(.invalidArgument, "has no layers") }
    guard depth < deepest else {
      throw CifarError(.invalidArgument, "stands inside more than \(deepest) others")
    }
  }

  private static func checkSum(_ sum: ValueShape, _ other: ValueShape) throws {
    guard sum == other else {
      throw CifarError(
        .shapeMismatch,
        "the layers give \(sum), the shortcut \(other): a 1×1 conv2d with the layers' filters and "
          + "stride makes the shortcut fit")
    }
  }
}

extension LayerSpec {
  /// The shape that the layer, which is no residual block, makes of `input`.
  fileprivate func output(of input: ValueShape) throws -> ValueShape {
    switch (self, input) {
    case (.conv2d(let filters, let kernel, let stride, let padding), .image(_, let h, let w)):
      try check(filters, 1...4096, "filters")
      guard [1, 3, 5].contains(kernel) else {
        throw CifarError(.invalidArgument, "kernel_size \(kernel) is not 1, 3 or 5")
      }
      try check(stride, 1...2, "stride")
      // Whichever dialect decides what is left out, the output has the same shape.
      let padding = padding ?? .same
      let rows = padding.amounts(size: h, kernel: kernel, stride: stride)
      let columns = padding.amounts(size: w, kernel: kernel, stride: stride)
      guard rows == columns else {
        throw CifarError(
          .unsupported, "same_upper pads the rows and columns of \(input) differently")
      }
      let margin = rows.before + rows.after
      guard h + margin >= kernel, w + margin >= kernel else {
        throw CifarError(
          .shapeMismatch, "a \(kernel)×\(kernel) filter does not fit into \(input)")
      }
      return .image(
        channels: filters, height: (h + margin - kernel) / stride + 1,
        width: (w + margin - kernel) / stride + 1)
    case (.batchNorm(let momentum, let epsilon, _), _):
      if let momentum, !(momentum > 0 && momentum <= 1) {
        throw CifarError(.invalidArgument, "momentum \(momentum) is not in (0, 1]")
      }
      if let epsilon, !(epsilon > 0 && epsilon.isFinite) {
        throw CifarError(.invalidArgument, "epsilon \(epsilon) is not a positive number")
      }
      return input
    case (.relu, _): return input
    case (.maxPool, .image(let channels, let h, let w)),
      (.avgPool, .image(let channels, let h, let w)):
      guard h >= 2, w >= 2 else {
        throw CifarError(.shapeMismatch, "\(input) is too small to pool 2×2")
      }
      return .image(channels: channels, height: h / 2, width: w / 2)
    case (.globalAveragePool, .image(let channels, _, _)): return .flat(channels)
    case (.dropout(let rate), _):
      guard rate >= 0, rate < 1 else {
        throw CifarError(.invalidArgument, "rate \(rate) is not in [0, 1)")
      }
      return input
    case (.flatten, _): return .flat(input.count)
    case (.dense(let units), .flat):
      try check(units, 1...65536, "units")
      return .flat(units)
    case (.dense, .image):
      throw CifarError(
        .shapeMismatch,
        "takes flat values, not \(input): put a flatten or global_average_pool before it")
    case (_, .flat):
      throw CifarError(.shapeMismatch, "takes an image, not \(input) flat values")
    case (.residual, _):
      throw CifarError(.internal, "a residual block has the shape of its layers")
    }
  }

  private func check(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws {
    guard range.contains(value) else {
      throw CifarError(
        .invalidArgument,
        "\(name) \(value) is not in \(range.lowerBound) to \(range.upperBound)")
    }
  }
}
