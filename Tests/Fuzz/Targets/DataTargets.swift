import CifarCore
import CifarData

enum DataTargets {
  /// The first byte says which labels to take.
  static func pickle(_ bytes: [UInt8]) throws {
    let names = ["labels", "fine_labels", "coarse_labels"]
    guard let first = bytes.first else { return }
    let file = Array(bytes.dropFirst())
    let batch = try answer {
      try PickledBatch(file, path: "batch", labels: names[Int(first) % names.count])
    }
    guard let batch else { return }
    try require(batch.pixels.count == batch.rows * batch.columns, "pixels do not fill their shape")
    try require(batch.labels.count <= file.count, "more labels than bytes")
  }

  /// The first byte says what to take it for, the second how many images it should have.
  static func records(_ bytes: [UInt8]) throws {
    guard bytes.count >= 2 else { return }
    let file = try MemoryFile()
    try file.set(Array(bytes.dropFirst(2)))
    let count = Int(bytes[1] % 4) + 1
    let capacity = 1 + Int(bytes[1] >> 4) % count
    let images = try AlignedBuffer<UInt8>(count: capacity * ImageShape.cifar.count)
    let labels = try AlignedBuffer<Int32>(count: capacity)
    let target = BatchTarget(
      images: images.pointer, labels: labels.pointer, count: capacity, classes: 10)
    let isRead =
      try answer {
        switch bytes[0] % 4 {
        case 0: try CIFARRecords.ten.read(file.path, images: count, to: target)
        case 1: try CIFARRecords.coarse.read(file.path, images: count, to: target)
        case 2: try CIFARRecords.fine.read(file.path, images: count, to: target)
        default: try CIFARPython.read(file.path, images: count, labels: "labels", to: target)
        }
      } != nil
    guard isRead else { return }
    for index in 0..<capacity {
      try require((0..<10).contains(labels[index]), "label \(labels[index]) was taken")
    }
  }
}
