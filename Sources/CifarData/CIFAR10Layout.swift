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
      count: count * Dataset.imageBytes, for: "the images of the data set")
    let labels = try AlignedBuffer<Int32>(count: count, for: "the labels of the data set")
    for (index, batch) in batches.enumerated() where index * perBatch < count {
      let path = "\(directory)/\(kind.file(batch))"
      let taken = min(perBatch, count - index * perBatch)
      let target = BatchTarget(
        images: images.pointer + index * perBatch * Dataset.imageBytes,
        labels: labels.pointer + index * perBatch, count: taken,
        classes: CIFAR10Layout.classNames.count)
      switch kind {
      case .binary: try CIFAR10Binary.read(path, to: target)
      case .python:
        try CIFAR10Python.read(path, images: perBatch, labels: "labels", to: target)
      }
    }
    return Dataset(
      name: "cifar10", split: split, classNames: CIFAR10Layout.classNames, location: directory,
      images: images, labels: labels)
  }
}

/// Where a batch file's first `count` images and labels go.
struct BatchTarget {
  let images: UnsafeMutablePointer<UInt8>
  let labels: UnsafeMutablePointer<Int32>
  let count: Int
  let classes: Int

  /// Stores a label, which must be one of the classes.
  func setLabel(_ index: Int, _ label: Int, path: String) throws {
    guard (0..<classes).contains(label) else {
      throw CifarError(
        .badData,
        "'\(path)': label \(label) of image \(index) is not in 0 to \(classes - 1); "
          + "get the file anew")
    }
    if index < count { labels[index] = Int32(label) }
  }
}

/// The binary version: records of one label byte and 3,072 pixel bytes.
enum CIFAR10Binary {
  static func read(_ path: String, to target: BatchTarget) throws {
    let record = 1 + Dataset.imageBytes
    let size = record * CIFAR10Layout.imagesPerBatch
    let bytes = try FileBytes.read(path, expected: size)
    try bytes.withUnsafeBytes { source in
      for index in 0..<CIFAR10Layout.imagesPerBatch {
        try target.setLabel(index, Int(source[index * record]), path: path)
        guard index < target.count else { continue }
        UnsafeMutableRawPointer(target.images + index * Dataset.imageBytes).copyMemory(
          from: source.baseAddress! + index * record + 1, byteCount: Dataset.imageBytes)
      }
    }
  }
}

/// The python version: a pickled dictionary with `data` (images, 3072) uint8 and `labels`; for
/// CIFAR-100 `fine_labels` and `coarse_labels`.
enum CIFAR10Python {
  static func read(
    _ path: String, images: Int, labels: String, to target: BatchTarget
  ) throws {
    let bytes = try FileBytes.read(path, expected: nil)
    // What it is made of takes less than the file.
    let batch = try MemoryNeed.secured(bytes.count, for: "the labels of '\(path)'") {
      try PickledBatch(bytes, path: path, labels: labels)
    }
    guard batch.rows == images, batch.columns == Dataset.imageBytes,
      batch.labels.count == batch.rows
    else {
      throw CifarError(
        .badData,
        "'\(path)' holds \(batch.rows)×\(batch.columns) pixels and \(batch.labels.count) labels, "
          + "not \(images)×\(Dataset.imageBytes) and as many labels; "
          + "get the file anew")
    }
    for (index, label) in batch.labels.enumerated() {
      try target.setLabel(index, label, path: path)
    }
    bytes[batch.pixels].withUnsafeBytes { source in
      UnsafeMutableRawPointer(target.images).copyMemory(
        from: source.baseAddress!, byteCount: target.count * Dataset.imageBytes)
    }
  }
}
