import CifarCore
import Foundation

@testable import CifarData

/// The upper bytes of a linear congruential generator: `noise.py` makes the same ones.
func noise(_ seed: UInt32, count: Int = ImageShape.cifar.count) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(state >> 24)
  }
}

/// A file of the directory Golden.
func golden(_ name: String) throws -> [UInt8] {
  let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  return Array(try Data(contentsOf: directory.appendingPathComponent("Golden/\(name)")))
}

func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// A data set in memory. With `numbered`, each image's label is its place.
func memory(
  _ count: Int, seed: UInt32 = 7, numbered: Bool = false, weights: [Float]? = nil
) throws -> Dataset {
  let images = noise(seed, count: count * ImageShape.cifar.count)
  let labels = (0..<count).map { Int32(numbered ? $0 : $0 % 10) }
  let classes = (0..<(numbered ? max(2, count) : 10)).map { "class \($0)" }
  return try images.withUnsafeBufferPointer { images in
    try labels.withUnsafeBufferPointer { labels in
      guard let weights else {
        return try Dataset(images: images, labels: labels, classNames: classes, split: .train)
      }
      return try weights.withUnsafeBufferPointer {
        try Dataset(
          images: images, labels: labels, sampleWeights: $0, classNames: classes, split: .train)
      }
    }
  }
}

extension Dataset {
  func image(_ index: Int) -> [UInt8] {
    Array(
      UnsafeBufferPointer(
        start: images.pointer + index * ImageShape.cifar.count, count: ImageShape.cifar.count))
  }

  var allLabels: [Int32] { Array(labels.span) }

  func hasSameImages(as other: Dataset) -> Bool {
    count == other.count && allLabels == other.allLabels
      && memcmp(images.pointer, other.images.pointer, count * ImageShape.cifar.count) == 0
  }
}

/// For the golden files, whose keys are Python's.
func decoder() -> JSONDecoder {
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return decoder
}
