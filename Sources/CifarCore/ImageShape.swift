/// The shape of the images of a data set or a model: planes of grey, or of red, green and blue.
public struct ImageShape: Equatable, Hashable, Sendable {
  public let channels: Int
  public let height: Int
  public let width: Int

  public static let sides = 8...128

  /// CIFAR's.
  public static let cifar = ImageShape(3, 32, 32)

  private init(_ channels: Int, _ height: Int, _ width: Int) {
    (self.channels, self.height, self.width) = (channels, height, width)
  }

  /// - Parameters:
  ///   - channels: 1 or 3.
  ///   - height: in `sides`, as `width`.
  /// - Throws: `invalidArgument`.
  public init(channels: Int, height: Int, width: Int) throws {
    self.init(channels, height, width)
    guard channels == 1 || channels == 3, ImageShape.sides.contains(height),
      ImageShape.sides.contains(width)
    else {
      throw CifarError(
        .invalidArgument,
        "images of \(self): they have 1 or 3 channels, and from \(ImageShape.sides.lowerBound) to "
          + "\(ImageShape.sides.upperBound) rows and columns")
    }
  }

  /// - Parameter dimensions: [channels, height, width].
  /// - Throws: `invalidArgument`.
  public init(_ dimensions: [Int]) throws {
    guard dimensions.count == 3 else {
      throw CifarError(
        .invalidArgument, "images of \(dimensions): that is not [channels, height, width]")
    }
    try self.init(channels: dimensions[0], height: dimensions[1], width: dimensions[2])
  }

  /// [channels, height, width]
  public var dimensions: [Int] { [channels, height, width] }
  /// Of one plane.
  public var pixels: Int { height * width }
  /// Bytes, or numbers, of one image.
  public var count: Int { channels * pixels }
}

extension ImageShape: CustomStringConvertible {
  public var description: String { "\(channels)×\(height)×\(width)" }
}
