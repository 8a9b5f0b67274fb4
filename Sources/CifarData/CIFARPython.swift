import CifarCore

/// The python version: a pickled dictionary with `data` (images, 3072) uint8 and `labels`; for
/// CIFAR-100 `fine_labels` and `coarse_labels`.
package enum CIFARPython {
  /// Larger than any file of the data set.
  private static let largest = 256 << 20

  /// - Parameters:
  ///   - images: that the file must have.
  ///   - labels: the entry with the labels.
  /// - Throws: `notFound`, `io`; `badData` for anything else than such a file.
  package static func read(
    _ path: String, images: Int, labels: String, to target: BatchTarget
  ) throws {
    let bytes = try DataFile(path).bytes(atMost: largest)
    // What it is made of takes less than the file.
    let batch = try MemoryNeed.secured(bytes.count, for: "the labels of '\(path)'") {
      try PickledBatch(bytes, path: path, labels: labels)
    }
    guard batch.rows == images, batch.columns == BatchTarget.imageBytes,
      batch.labels.count == batch.rows
    else {
      throw CifarError(
        .badData,
        "'\(path)' holds \(batch.rows)×\(batch.columns) pixels and \(batch.labels.count) labels, "
          + "not \(images)×\(BatchTarget.imageBytes) and as many labels; "
          + "download it again")
    }
    for (index, label) in batch.labels.enumerated() {
      try target.setLabel(index, label, path: path)
    }
    batch.pixels.withUnsafeBytes { source in
      for index in 0..<target.count {
        target.setPixels(index, source.dropFirst(index * BatchTarget.imageBytes))
      }
    }
  }
}
