import CifarCore

extension ModelSpec {
  public static let presetNames = [
    "tutorial", "tutorial-gap", "tutorial-resnet", "airbench93", "airbench94",
    "airbench94-muon", "resnet9",
  ]

  /// A model by name.
  ///
  /// - Parameters:
  ///   - name: `tutorial`: three blocks of twice [conv 3×3 same, batch norm, ReLU], max-pool and
  ///     dropout 0.2 / 0.3 / 0.4 with 32, 64, 128 filters; then flatten, dense 512, ReLU, dropout
  ///     0.5 and a dense layer with a unit a class. `tutorial-gap`: the same with global average
  ///     pooling instead of flatten. `tutorial-resnet`: see `resnet`. `airbench93`,
  ///     `airbench94` and `airbench94-muon`: see `airbench`. `resnet9`: see `resnet9`.
  ///   - dialect: PyTorch's batch norm has momentum 0.1, ε 1e-5 and an unbiased running variance,
  ///     Keras's momentum 0.99 (0.01 here), ε 1e-3 and a biased one; with stride 2, Keras's `same`
  ///     has its zeros after the image.
  ///   - shape: of the images.
  /// - Throws: `invalidArgument` for another name, or classes that are not in 2 to 1000.
  public static func preset(
    _ name: String, dialect: Dialect, classes: Int = 10, shape: ImageShape = .cifar
  ) throws -> ModelSpec {
    guard (2...1000).contains(classes) else {
      throw CifarError(.invalidArgument, "classes \(classes) is not in 2 to 1000")
    }
    var spec: ModelSpec
    switch name {
    case "tutorial": spec = tutorial(toRows: .flatten, classes: classes)
    case "tutorial-gap": spec = tutorial(toRows: .globalAveragePool, classes: classes)
    case "tutorial-resnet": spec = resnet(classes: classes)
    case "airbench93": spec = airbench(shape, classes, wide: 128, factor: 1 / 9)
    case "airbench94": spec = airbench(shape, classes, wide: 256, factor: 1 / 9)
    case "airbench94-muon":
      spec = airbench(shape, classes, wide: 256, factor: 3.0.squareRoot() / 16)
    case "resnet9": spec = resnet9(classes: classes)
    default:
      throw CifarError(
        .invalidArgument,
        "unknown model '\(name)'; use \(presetNames.joined(separator: ", "))")
    }
    spec.input = shape.dimensions
    return spec.resolved(for: dialect)
  }

  private static func tutorial(toRows: LayerSpec, classes: Int) -> ModelSpec {
    var layers: [LayerSpec] = []
    for (filters, rate) in [(32, 0.2), (64, 0.3), (128, 0.4)] {
      for _ in 0..<2 { layers += [.conv2d(filters: filters), .batchNorm(), .relu] }
      layers += [.maxPool(), .dropout(rate: rate)]
    }
    layers += [toRows, .dense(units: 512), .relu, .dropout(rate: 0.5), .dense(units: classes)]
    return ModelSpec(layers: layers)
  }

  /// The tutorial's filters in residual blocks: conv 3×3, batch norm and ReLU; then two blocks each
  /// with 32, 64 and 128 filters, every one [conv 3×3, batch norm, ReLU, conv 3×3, batch norm] plus
  /// its shortcut, then ReLU; global average pooling; a dense layer. The first block with 64 and
  /// with 128 filters has stride 2, and a 1×1 convolution with batch norm as its shortcut; the
  /// others have the identity. (He et al. 2015, section 4.2, with option B.)
  private static func resnet(classes: Int) -> ModelSpec {
    var layers: [LayerSpec] = [.conv2d(filters: 32), .batchNorm(), .relu]
    for (filters, stride) in [(32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)] {
      let projection = LayerSpec.conv2d(
        filters: filters, kernelSize: 1, stride: stride, padding: .valid)
      layers += [
        .residual(
          layers: [
            .conv2d(filters: filters, stride: stride), .batchNorm(), .relu,
            .conv2d(filters: filters), .batchNorm(),
          ], shortcut: stride == 1 ? [] : [projection, .batchNorm()]),
        .relu,
      ]
    }
    return ModelSpec(layers: layers + [.globalAveragePool, .dense(units: classes)])
  }

  /// The network of Page 2018, "How to Train Your ResNet", part 4: conv 3×3, batch norm and ReLU with
  /// 64 filters; the same with 128, 256 and 512 filters, each with a max-pool behind it, and behind
  /// the first and the last of these x + [conv, batch norm, ReLU, conv, batch norm, ReLU](x); the
  /// maximum of each plane; a dense layer. No layer has a bias but batch norm.
  ///
  /// The source multiplies the logits by 1/8; here the factor stands before the dense layer: function
  /// and gradients are the same. Its max-pool 4×4 sees all that is left of 32×32 pixels.
  private static func resnet9(classes: Int) -> ModelSpec {
    func block(_ filters: Int) -> [LayerSpec] {
      [.conv2d(filters: filters, bias: false), .batchNorm(), .relu]
    }
    func residual(_ filters: Int) -> LayerSpec {
      .residual(layers: block(filters) + block(filters), shortcut: [])
    }
    var layers = block(64)
    layers += block(128) + [.maxPool(), residual(128)]
    layers += block(256) + [.maxPool()]
    layers += block(512) + [.maxPool(), residual(512)]
    layers += [.globalMaxPool, .scale(factor: 0.125), .dense(units: classes, bias: false)]
    return ModelSpec(layers: layers)
  }

  /// The network of Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU": a whitening
  /// convolution 2×2 and GELU; three blocks of [conv 3×3, max-pool, batch norm, GELU, conv 3×3, batch
  /// norm, GELU] with 64, `wide`, `wide` filters that begin with the identity; max-pool 3×3; a dense
  /// layer.
  ///
  /// - Parameters:
  ///   - wide: 256, and 128 in airbench93.
  ///   - factor: of the logits: 1/9, and √3/16 with Muon, where the source has 1/256 and dense weights
  ///     of deviation 1; those drawn here have 1/(16·√3). The layer that multiplies by it stands before
  ///     the dense layer, not after it as in the source: function and gradients are the same.
  private static func airbench(
    _ shape: ImageShape, _ classes: Int, wide: Int, factor: Double
  ) -> ModelSpec {
    let norm = LayerSpec.batchNorm(momentum: 0.4, epsilon: 1e-12, scale: false)
    var layers: [LayerSpec] = [
      .conv2d(
        filters: 2 * shape.channels * 4, kernelSize: 2, padding: .valid, initializer: .whitening),
      .gelu,
    ]
    for filters in [64, wide, wide] {
      let convolution = LayerSpec.conv2d(filters: filters, bias: false, initializer: .dirac)
      layers += [convolution, .maxPool(), norm, .gelu, convolution, norm, .gelu]
    }
    layers += [
      .maxPool(size: 3), .flatten, .scale(factor: factor), .dense(units: classes, bias: false),
    ]
    return ModelSpec(layers: layers)
  }
}
