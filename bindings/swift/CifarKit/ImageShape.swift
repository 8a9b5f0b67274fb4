/// The shape of an image: planes of grey, or of red, green and blue, with rows from the top.
public struct ImageShape: Equatable, Hashable, Sendable {
  /// 1 or 3.
  public var channels: Int
  /// Rows, from 8 to 128.
  public var height: Int
  /// Columns, from 8 to 128.
  public var width: Int

  /// Checked by whoever takes it: not every shape is one of images.
  public init(channels: Int, height: Int, width: Int) {
    (self.channels, self.height, self.width) = (channels, height, width)
  }

  init(_ channels: UInt32, _ height: UInt32, _ width: UInt32) {
    self.init(channels: Int(channels), height: Int(height), width: Int(width))
  }

  /// CIFAR's: three channels of 32×32.
  public static let cifar = ImageShape(channels: 3, height: 32, width: 32)

  /// Of an image.
  public var bytes: Int { channels * height * width }

  /// - Throws: ``CifarError``: `invalidArgument` for a shape that no image has.
  func check() throws {
    guard channels == 1 || channels == 3, (8...128).contains(height), (8...128).contains(width)
    else {
      throw CifarError(
        .invalidArgument,
        "images of \(channels)×\(height)×\(width): they have 1 or 3 channels, and from 8 to 128 "
          + "rows and columns")
    }
  }
}
