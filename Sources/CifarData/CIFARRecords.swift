import CifarCore

/// The binary version: records of one label byte (CIFAR-100: a coarse and a fine one) and 3,072 pixel
/// bytes.
package struct CIFARRecords {
  let labelBytes: Int
  /// Which of the label bytes counts, from 0.
  let label: Int

  package static let ten = CIFARRecords(labelBytes: 1, label: 0)
  package static let coarse = CIFARRecords(labelBytes: 2, label: 0)
  package static let fine = CIFARRecords(labelBytes: 2, label: 1)

  /// - Parameter images: that the file must have.
  /// - Throws: `notFound`, `io`; `badData` for anything else than such a file.
  package func read(_ path: String, images: Int, to target: BatchTarget) throws {
    try DataFile(path).records(of: labelBytes + BatchTarget.imageBytes, count: images) {
      try target.setLabel($0, Int($1[label]), path: path)
      target.setPixels($0, $1.dropFirst(labelBytes))
    }
  }
}
