import CifarCore

/// Whose conventions a model follows where the frameworks differ: initialisation, batch
/// normalisation, Adam's epsilon.
public enum Dialect: String, Codable, CaseIterable, Sendable {
  case pytorch
  case keras
}

extension ModelSpec {
  public static let presetNames = ["tutorial"]

  /// A model by name.
  ///
  /// - Parameters:
  ///   - name: `tutorial`: three blocks of twice [conv 3×3 same, batch norm, ReLU], max-pool and
  ///     dropout 0.2 / 0.3 / 0.4 with 32, 64, 128 filters; then dense 512, ReLU, dropout 0.5 and a
  ///     dense layer with a unit a class.
  ///   - dialect: PyTorch's batch norm has momentum 0.1, ε 1e-5 and an unbiased running variance,
  ///     Keras's momentum 0.99 (0.01 here), ε 1e-3 and a biased one.
  public static func preset(
    _ name: String, dialect: Dialect, classes: Int = 10
  ) throws -> ModelSpec {
    let norm: LayerSpec =
      switch dialect {
      case .pytorch: .batchNorm(momentum: 0.1, epsilon: 1e-5, unbiased: true)
      case .keras: .batchNorm(momentum: 0.01, epsilon: 1e-3, unbiased: false)
      }
    switch name {
    case "tutorial": return tutorial(norm: norm, classes: classes)
    default:
      throw CifarError(
        .invalidArgument,
        "unknown model '\(name)'; use \(presetNames.joined(separator: ", "))")
    }
  }

  private static func tutorial(norm: LayerSpec, classes: Int) -> ModelSpec {
    var layers: [LayerSpec] = []
    for (filters, rate) in [(32, 0.2), (64, 0.3), (128, 0.4)] {
      for _ in 0..<2 { layers += [.conv2d(filters: filters), norm, .relu] }
      layers += [.maxPool2d, .dropout(rate: rate)]
    }
    layers += [.flatten, .dense(units: 512), .relu, .dropout(rate: 0.5), .dense(units: classes)]
    return ModelSpec(layers: layers)
  }
}
