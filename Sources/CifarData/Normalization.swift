import CifarCore

/// How a byte becomes the number that a model sees: (byte/255 − mean) / std, channel by channel.
public struct Normalization: Codable, Equatable, Sendable {
  /// For red, green and blue, or for grey.
  public var mean: [Float]
  public var std: [Float]

  public init(mean: [Float], std: [Float]) {
    self.mean = mean
    self.std = std
  }

  /// byte/255, in [0, 1]: what the Keras tutorial does.
  public static let unit = unit(channels: 3)

  public static func unit(channels: Int) -> Normalization {
    Normalization(
      mean: [Float](repeating: 0, count: channels), std: [Float](repeating: 1, count: channels))
  }

  /// The statistics of CIFAR-10's training images that the PyTorch tutorial uses.
  public static let cifar10 = Normalization(
    mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010])

  /// As a sentence names it: `mean [0.4914, …] and std […]`.
  public var text: String { "mean \(mean) and std \(std)" }

  /// - Parameter channels: of the images.
  /// - Throws: `invalidArgument` unless there are a finite mean and a positive deviation a channel.
  public func validate(channels: Int) throws {
    guard mean.count == channels, std.count == channels, mean.allSatisfy(\.isFinite),
      std.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      let one = channels == 1
      throw CifarError(
        .invalidArgument,
        "normalization needs \(channels) finite \(one ? "mean" : "means") and \(channels) positive "
          + "standard \(one ? "deviation" : "deviations"), not \(mean) and \(std)")
    }
  }

  /// Mean and standard deviation of every channel of a data set, to four decimals, as they are
  /// usually given: 0.1307 and 0.3081 for MNIST's training images.
  public init(statisticsOf dataset: Dataset) {
    let shape = dataset.shape
    var mean: [Float] = []
    var std: [Float] = []
    for channel in 0..<shape.channels {
      // Whole numbers: exact in any order.
      var (sum, squares) = (0, 0)
      for image in 0..<dataset.count {
        let plane = dataset.images.pointer + image * shape.count + channel * shape.pixels
        for i in 0..<shape.pixels {
          sum += Int(plane[i])
          squares += Int(plane[i]) * Int(plane[i])
        }
      }
      let count = Double(dataset.count * shape.pixels)
      let average = Double(sum) / count
      let variance = max(0, Double(squares) / count - average * average)
      func rounded(_ value: Double) -> Float { Float((value / 255 * 1e4).rounded() / 1e4) }
      mean.append(rounded(average))
      // Images of one colour have no deviation to divide by.
      std.append(max(rounded(variance.squareRoot()), 1 / 255))
    }
    self.init(mean: mean, std: std)
  }

  /// (channels, 256): the number of each byte, rounded as `ToTensor` and `Normalize` round it.
  func table() -> [Float] {
    mean.indices.flatMap { channel in
      (0..<256).map { (Float($0) / 255 - mean[channel]) / std[channel] }
    }
  }
}

/// Normalises images that are not part of a data set.
public struct ImageNormalizer {
  private let shape: ImageShape
  private let table: [Float]

  /// - Parameter normalization: of as many channels.
  public init(_ shape: ImageShape, _ normalization: Normalization) {
    self.shape = shape
    table = normalization.table()
  }

  /// - Parameters:
  ///   - image: (channels, height, width) bytes.
  ///   - target: (channels, height, width), overwritten.
  public func run(_ image: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>) {
    for channel in 0..<shape.channels {
      for i in (channel * shape.pixels)..<((channel + 1) * shape.pixels) {
        target[i] = table[channel * 256 + Int(image[i])]
      }
    }
  }
}
