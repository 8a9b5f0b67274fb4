import CifarCore
import Glibc

/// The Street View House Numbers as they are published for classification: `train_32x32.mat` and
/// `test_32x32.mat`. The digit 0 has the label 10 there, and 0 here. (Netzer et al. 2011.)
struct SVHNLayout {
  static let datasetName = "svhn"
  static let classNames = (0..<10).map(String.init)

  let directory: String

  private func path(_ split: Split) -> String { "\(directory)/\(split.rawValue)_32x32.mat" }

  var isPresent: Bool { [Split.train, .test].contains { access(path($0), F_OK) == 0 } }

  func read(split: Split, limit: Int?) throws -> Dataset {
    let path = path(split)
    let content = try DataFile(path).bytes(atMost: 512 << 20)
    let arrays = try content.withUnsafeBytes { try MATFile($0, path: path).arrays }
    func fault(_ text: String) -> CifarError {
      CifarError(.badData, "'\(path)' \(text); download it again")
    }
    guard let images = arrays.first(where: { $0.name == "X" }),
      let labels = arrays.first(where: { $0.name == "y" })
    else { throw fault("has no arrays X and y") }
    let shape = ImageShape.cifar
    guard images.dimensions.prefix(3) == [shape.height, shape.width, shape.channels],
      images.dimensions.count == 4, images.dimensions[3] == labels.bytes.count,
      !labels.bytes.isEmpty
    else {
      throw fault(
        "has images of \(images.dimensions) and \(labels.bytes.count) labels, not "
          + "[32, 32, 3, N] and N")
    }
    let count = min(limit ?? .max, labels.bytes.count)
    let pixels = try AlignedBuffer<UInt8>(
      count: count * shape.count, for: "the images of the data set")
    let numbers = try AlignedBuffer<Int32>(count: count, for: "the labels of the data set")
    for index in 0..<count {
      let label = labels.bytes[index]
      guard (1...10).contains(label) else {
        throw fault("has the label \(label) of image \(index), not 1 to 10")
      }
      numbers[index] = Int32(label) % 10
      // (row, column, channel), the row changing fastest.
      images.bytes.withUnsafeBufferPointer { bytes in
        let from = index * shape.count
        for channel in 0..<shape.channels {
          for y in 0..<shape.height {
            for x in 0..<shape.width {
              pixels[from + (channel * shape.height + y) * shape.width + x] =
                bytes[from + (channel * shape.width + x) * shape.height + y]
            }
          }
        }
      }
    }
    return Dataset(
      name: SVHNLayout.datasetName, split: split, classNames: SVHNLayout.classNames,
      location: "\(SVHNLayout.datasetName):\(directory)", shape: shape, images: pixels,
      labels: numbers)
  }
}
