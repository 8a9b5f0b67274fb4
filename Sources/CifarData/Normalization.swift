import CifarCore

/// How a byte becomes the number that a model sees: (byte/255 − mean) / std, channel by channel.
public struct Normalization: Codable, Equatable, Sendable {
  /// For red, green, blue.
  public var mean: [Float]
  public var std: [Float]

  public init(mean: [Float], std: [Float]) {
    self.mean = mean
    self.std = std
  }

  /// byte/255, in [0, 1]: what the Keras tutorial does.
  public static let unit = Normalization(mean: [0, 0, 0], std: [1, 1, 1])

  /// The statistics of CIFAR-10's training images that the PyTorch tutorial uses.
  public static let cifar10 = Normalization(
    mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010])

  /// - Throws: `invalidArgument` unless there are three finite means and three positive deviations.
  public func validate() throws {
    guard mean.count == 3, std.count == 3, mean.allSatisfy(\.isFinite),
      std.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw CifarError(
        .invalidArgument,
        "normalization needs 3 finite means and 3 positive standard deviations, "
          + "not \(mean) and \(std)")
    }
  }

  /// (3, 256): the number of each byte, rounded as `ToTensor` and `Normalize` round it.
  func table() -> [Float] {
    (0..<3).flatMap { channel in
      (0..<256).map { (Float($0) / 255 - mean[channel]) / std[channel] }
    }
  }
}

/// Normalises images that are not part of a data set.
public struct ImageNormalizer {
  private let table: [Float]

  public init(_ normalization: Normalization) { table = normalization.table() }

  /// - Parameters:
  ///   - image: (3, 32, 32) bytes.
  ///   - target: (3, 32, 32), overwritten.
  public func run(_ image: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>) {
    for channel in 0..<3 {
      for i in (channel * 1024)..<((channel + 1) * 1024) {
        target[i] = table[channel * 256 + Int(image[i])]
      }
    }
  }
}
