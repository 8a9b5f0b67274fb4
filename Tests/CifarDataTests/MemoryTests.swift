import CifarCore
import TestSupport
import Testing

@testable import CifarData

@Suite struct MemoryTests {
  private func make(
    _ images: Int, _ labels: [Int32], classes: Int = 10
  ) throws -> Dataset {
    try [UInt8](repeating: 0, count: images).withUnsafeBufferPointer { images in
      try labels.withUnsafeBufferPointer { labels in
        try Dataset(
          images: images, labels: labels, classNames: (0..<classes).map { "\($0)" }, split: .train)
      }
    }
  }

  @Test func imagesAreCopied() throws {
    var images = noise(3, count: 2 * ImageShape.cifar.count)
    let labels: [Int32] = [1, 0]
    let dataset = try images.withUnsafeBufferPointer { images in
      try labels.withUnsafeBufferPointer { labels in
        try Dataset(images: images, labels: labels, classNames: ["a", "b"], split: .test)
      }
    }
    let second = Array(images[ImageShape.cifar.count...])
    images = []
    #expect(dataset.image(1) == second)
    #expect(dataset.allLabels == [1, 0])
    #expect(dataset.classNames == ["a", "b"])
    #expect(dataset.split == .test)
    #expect(dataset.name == "memory")
    #expect(dataset.location == nil)
  }

  @Test(arguments: [3071, 3073, 3072 * 3, 0])
  func bytesThatDoNotFitTheLabelsAreRefused(bytes: Int) {
    let error = failure { try make(bytes, bytes == 0 ? [1] : [1, 2]) }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message.contains("\(bytes) bytes") == true)
    #expect(error?.message.contains("3072") == true)
  }

  @Test(arguments: [Int32(-1), 10, .max, .min]) func labelsOutOfRangeAreRefused(label: Int32) {
    let error = failure { try make(2 * 3072, [0, label]) }
    #expect(error?.code == .badData)
    #expect(error?.message == "label \(label) of image 1 is not in 0 to 9")
  }

  @Test func nothingAtAllIsRefused() {
    #expect(failure { try make(0, []) }?.code == .invalidArgument)
    #expect(failure { try make(3072, [0], classes: 1) }?.code == .invalidArgument)
    #expect(failure { try make(3072, [0], classes: 1001) }?.code == .invalidArgument)
    #expect(failure { try make(3072, [0], classes: 2) } == nil)
  }

  @Test func noTwoClassesShareAName() {
    func make(_ names: [String]) throws -> Dataset {
      try [UInt8](repeating: 0, count: 3072).withUnsafeBufferPointer { images in
        try [Int32(0)].withUnsafeBufferPointer { labels in
          try Dataset(images: images, labels: labels, classNames: names, split: .train)
        }
      }
    }
    let error = failure { try make(["cat", "dog", "bird", "dog"]) }
    #expect(error?.code == .invalidArgument)
    #expect(
      error?.message
        == "class_names[1] and class_names[3] are both 'dog'; each class needs a name of its own")
    // Two folders, for file systems.
    #expect(failure { try make(["\u{E9}", "e\u{301}", "E", "e"]) } == nil)
  }

  @Test func theHashIsThatOfImagesAndLabels() throws {
    let dataset = try memory(3)
    var bytes = noise(7, count: 3 * ImageShape.cifar.count)
    for label in dataset.allLabels { bytes += [UInt8(label), 0, 0, 0] }
    #expect(dataset.contentHash == SHA256.hexadecimal(of: bytes))
    #expect(dataset.contentHash == (try memory(3)).contentHash)
    #expect(dataset.contentHash != (try memory(3, seed: 8)).contentHash)
    let otherLabels = try make(3 * 3072, [0, 0, 1]).contentHash
    #expect(otherLabels != (try make(3 * 3072, [0, 1, 0])).contentHash)
  }
}
