import CifarCore
import Glibc

/// CIFAR-10 as it is published: a directory with five training batches and one test batch of 10,000
/// images each, in one of two layouts.
struct CIFAR10Layout {
  enum Kind: String, CaseIterable {
    case binary = "cifar-10-batches-bin"
    case python = "cifar-10-batches-py"

    /// The directory that Keras unpacks its archive into.
    var archive: String { self == .binary ? "cifar-10-batches-bin" : "cifar-10-batches-py-target" }

    func file(_ batch: String) -> String { self == .binary ? "\(batch).bin" : batch }
  }

  static let datasetName = "cifar10"
  static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
  static let imagesPerBatch = 10_000

  let kind: Kind
  let directory: String

  private static func batches(_ split: Split) -> [String] {
    split == .train ? (1...5).map { "data_batch_\($0)" } : ["test_batch"]
  }

  /// Whether at least one of the files is there: then the others are missed by name.
  var isPresent: Bool {
    (CIFAR10Layout.batches(.train) + CIFAR10Layout.batches(.test)).contains {
      access("\(directory)/\(kind.file($0))", F_OK) == 0
    }
  }

  func read(split: Split, limit: Int?) throws -> Dataset {
    let batches = CIFAR10Layout.batches(split)
    let perBatch = CIFAR10Layout.imagesPerBatch
    let count = min(limit ?? Int.max, batches.count * perBatch)
    let images = try AlignedBuffer<UInt8>(
      count: count * BatchTarget.imageBytes, for: "the images of the data set")
    let labels = try AlignedBuffer<Int32>(count: count, for: "the labels of the data set")
    for (index, batch) in batches.enumerated() where index * perBatch < count {
      let path = "\(directory)/\(kind.file(batch))"
      let taken = min(perBatch, count - index * perBatch)
      let target = BatchTarget(
        images: images.pointer + index * perBatch * BatchTarget.imageBytes,
        labels: labels.pointer + index * perBatch, count: taken,
        classes: CIFAR10Layout.classNames.count)
      switch kind {
      case .binary: try CIFARRecords.ten.read(path, images: perBatch, to: target)
      case .python:
        try CIFARPython.read(path, images: perBatch, labels: "labels", to: target)
      }
    }
    return Dataset(
      name: CIFAR10Layout.datasetName, split: split, classNames: CIFAR10Layout.classNames,
      location: directory, shape: .cifar,
      images: images, labels: labels)
  }
}
