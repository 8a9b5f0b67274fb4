import CifarCore

/// Where a CIFAR batch file's first `count` images and labels go.
package struct BatchTarget {
  /// (count, 3, 32, 32)
  let images: UnsafeMutablePointer<UInt8>
  /// (count)
  let labels: UnsafeMutablePointer<Int32>
  let count: Int
  let classes: Int

  static let imageBytes = ImageShape.cifar.count

  package init(
    images: UnsafeMutablePointer<UInt8>, labels: UnsafeMutablePointer<Int32>, count: Int,
    classes: Int
  ) {
    self.images = images
    self.labels = labels
    self.count = count
    self.classes = classes
  }

  /// Stores a label, which must be one of the classes.
  func setLabel(_ index: Int, _ label: Int, path: String) throws {
    guard (0..<classes).contains(label) else {
      throw CifarError(
        .badData,
        "'\(path)': label \(label) of image \(index) is not in 0 to \(classes - 1); "
          + "download it again")
    }
    if index < count { labels[index] = Int32(label) }
  }

  /// - Parameter pixels: (3, 32, 32) bytes, and what may follow them.
  func setPixels(_ index: Int, _ pixels: Slice<UnsafeRawBufferPointer>) {
    guard index < count else { return }
    UnsafeMutableRawBufferPointer(
      start: images + index * BatchTarget.imageBytes, count: BatchTarget.imageBytes
    ).copyMemory(from: UnsafeRawBufferPointer(rebasing: pixels.prefix(BatchTarget.imageBytes)))
  }
}
