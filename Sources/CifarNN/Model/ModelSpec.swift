import CifarCore

/// A model as a list of layers, the way it is stored with a run.
public struct ModelSpec: Codable, Equatable, Sendable {
  /// Channels, height and width of one image.
  public var input: [Int]
  public var layers: [LayerSpec]

  public init(input: [Int] = [3, 32, 32], layers: [LayerSpec]) {
    self.input = input
    self.layers = layers
  }

  /// What one image is after each layer; the first is the input itself.
  ///
  /// - Throws: `shapeMismatch` or `invalidArgument`, naming the layer by its place and type.
  public func shapes() throws -> [ValueShape] {
    guard input.count == 3, input.allSatisfy({ (1...1024).contains($0) }) else {
      throw CifarError(
        .invalidArgument,
        "model input \(input) is not [channels, height, width], each from 1 to 1024")
    }
    guard !layers.isEmpty else { throw CifarError(.invalidArgument, "the model has no layers") }
    var shapes = [ValueShape.image(channels: input[0], height: input[1], width: input[2])]
    for (index, layer) in layers.enumerated() {
      do {
        shapes.append(try layer.output(of: shapes[index]))
      } catch let error as CifarError {
        throw CifarError(error.code, "layer \(index) (\(layer.type)): \(error.message)")
      }
    }
    guard case .flat(let classes) = shapes[layers.count], case .dense = layers[layers.count - 1],
      (2...1000).contains(classes)
    else {
      throw CifarError(
        .shapeMismatch,
        "the last layer (\(layers[layers.count - 1].type)) must be a dense layer with 2 to 1000 "
          + "units, one a class; it gives \(shapes[layers.count])")
    }
    return shapes
  }

  /// The number of classes: the units of the last layer.
  public var classes: Int {
    guard case .dense(let units)? = layers.last else { return 0 }
    return units
  }
}

/// The shape of one image's values between two layers.
public enum ValueShape: Equatable, Sendable, CustomStringConvertible {
  case image(channels: Int, height: Int, width: Int)
  case flat(Int)

  /// Numbers in it.
  public var count: Int {
    switch self {
    case .image(let channels, let height, let width): channels * height * width
    case .flat(let count): count
    }
  }

  public var description: String {
    switch self {
    case .image(let channels, let height, let width): "(\(channels), \(height), \(width))"
    case .flat(let count): "(\(count))"
    }
  }
}

extension LayerSpec {
  /// The shape that the layer makes of `input`.
  func output(of input: ValueShape) throws -> ValueShape {
    switch (self, input) {
    case (.conv2d(let filters, let kernel, let stride, let padding), .image(_, let h, let w)):
      try check(filters, 1...4096, "filters")
      guard [1, 3, 5].contains(kernel) else {
        throw CifarError(.invalidArgument, "kernel_size \(kernel) is not 1, 3 or 5")
      }
      try check(stride, 1...2, "stride")
      let margin = padding == .same ? kernel / 2 * 2 : 0
      guard h + margin >= kernel, w + margin >= kernel else {
        throw CifarError(
          .shapeMismatch, "a \(kernel)×\(kernel) filter does not fit into \(input)")
      }
      return .image(
        channels: filters, height: (h + margin - kernel) / stride + 1,
        width: (w + margin - kernel) / stride + 1)
    case (.batchNorm(let momentum, let epsilon, _), .image):
      guard momentum > 0, momentum <= 1 else {
        throw CifarError(.invalidArgument, "momentum \(momentum) is not in (0, 1]")
      }
      guard epsilon > 0, epsilon.isFinite else {
        throw CifarError(.invalidArgument, "epsilon \(epsilon) is not a positive number")
      }
      return input
    case (.relu, _): return input
    case (.maxPool2d, .image(let channels, let h, let w)):
      guard h >= 2, w >= 2 else {
        throw CifarError(.shapeMismatch, "\(input) is too small to pool 2×2")
      }
      return .image(channels: channels, height: h / 2, width: w / 2)
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
      throw CifarError(.shapeMismatch, "takes flat values, not \(input): put a flatten before it")
    case (_, .flat):
      throw CifarError(.shapeMismatch, "takes an image, not \(input) flat values")
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
