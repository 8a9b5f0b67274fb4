import CifarCore
import Glibc

/// MNIST and Fashion-MNIST as they are published: a directory with images and labels in files of the
/// IDX format, packed by gzip or not. (Y. LeCun, "The MNIST database".)
struct IDXLayout {
  enum Name: String, CaseIterable {
    case mnist
    case fashionMNIST = "fashion-mnist"

    /// The directory that torchvision makes inside of the one that it is given.
    var directory: String { self == .mnist ? "MNIST/raw" : "FashionMNIST/raw" }

    var classNames: [String] {
      switch self {
      case .mnist: (0..<10).map(String.init)
      case .fashionMNIST:
        [
          "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
          "Bag", "Ankle boot",
        ]
      }
    }
  }

  let name: Name
  let directory: String

  private static func files(_ split: Split) -> (images: String, labels: String) {
    let start = split == .train ? "train" : "t10k"
    return ("\(start)-images-idx3-ubyte", "\(start)-labels-idx1-ubyte")
  }

  /// Whether one of the files is there: then the others are missed by name.
  var isPresent: Bool {
    [Split.train, .test].contains { split in
      let files = IDXLayout.files(split)
      return [files.images, files.labels].contains { path(of: $0) != nil }
    }
  }

  /// The file, or the packed one.
  private func path(of file: String) -> String? {
    ["\(directory)/\(file)", "\(directory)/\(file).gz"].first { access($0, F_OK) == 0 }
  }

  func read(split: Split, limit: Int?) throws -> Dataset {
    let files = IDXLayout.files(split)
    let labels = try IDXFile(path(of: files.labels) ?? "\(directory)/\(files.labels)")
    let images = try IDXFile(path(of: files.images) ?? "\(directory)/\(files.images)")
    guard labels.dimensions.count == 1, images.dimensions.count == 3 else {
      let wrong = labels.dimensions.count == 1 ? images : labels
      throw CifarError(
        .badData,
        "'\(wrong.path)' has \(wrong.dimensions.count) dimensions, not "
          + "\(labels.dimensions.count == 1 ? "3" : "1"); download it again")
    }
    guard labels.dimensions[0] == images.dimensions[0], labels.dimensions[0] > 0 else {
      throw CifarError(
        .badData,
        "'\(images.path)' has \(images.dimensions[0]) images, but '\(labels.path)' "
          + "\(labels.dimensions[0]) labels; download them again")
    }
    let shape: ImageShape
    do {
      shape = try ImageShape(
        channels: 1, height: images.dimensions[1], width: images.dimensions[2])
    } catch let error as CifarError {
      throw CifarError(.badData, "'\(images.path)' holds \(error.message)")
    }
    let count = min(limit ?? .max, labels.dimensions[0])
    let pixels = try AlignedBuffer<UInt8>(
      count: count * shape.count, for: "the images of the data set")
    let numbers = try AlignedBuffer<Int32>(count: count, for: "the labels of the data set")
    _ = pixels.span.update(fromContentsOf: images.bytes.prefix(pixels.count))
    for index in 0..<count {
      let label = labels.bytes[labels.bytes.startIndex + index]
      guard label < name.classNames.count else {
        throw CifarError(
          .badData,
          "'\(labels.path)': label \(label) of image \(index) is not in 0 to "
            + "\(name.classNames.count - 1); download it again")
      }
      numbers[index] = Int32(label)
    }
    return Dataset(
      name: name.rawValue, split: split, classNames: name.classNames,
      location: "\(name.rawValue):\(directory)", shape: shape, images: pixels, labels: numbers)
  }
}
