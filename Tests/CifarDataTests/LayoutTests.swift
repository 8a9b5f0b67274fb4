import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// Writes the first training batch, the second and the test batch in a layout.
private func writeBatches(_ kind: CIFAR10Layout.Kind, to directory: String) throws {
  for (seed, name) in [(1, "data_batch_1"), (2, "data_batch_2"), (3, "test_batch")] {
    let content = BatchContent.full(UInt32(seed))
    try write(
      kind == .binary ? content.binary : content.python,
      to: "\(directory)/\(kind.file(name))")
  }
}

@Suite struct LayoutTests {
  @Test func bothLayoutsHoldTheSameImages() throws {
    let directory = try TemporaryDirectory()
    var opened: [[Dataset]] = []
    for kind in CIFAR10Layout.Kind.allCases {
      let place = try directory.directory(kind.rawValue)
      try writeBatches(kind, to: place)
      // Named outright: the directory above holds both.
      let train = try Dataset.open(place, split: .train, limit: 10_003)
      let test = try Dataset.open(place, split: .test)
      #expect(train.location == place)
      opened.append([train, test])
    }
    let (binary, python) = (opened[0], opened[1])
    #expect(binary[0].hasSameImages(as: python[0]))
    #expect(binary[1].hasSameImages(as: python[1]))
    #expect(binary[0].count == 10_003)
    #expect(binary[1].count == 10_000)
    #expect(binary[0].name == "cifar10")
    #expect(binary[0].split == .train)
    #expect(binary[0].classNames.count == 10)
    #expect(binary[0].classNames[3] == "cat")

    // The second batch follows the first.
    let second = BatchContent.full(2)
    #expect(binary[0].image(10_002) == Array(second.pixels[6144..<9216]))
    #expect(Int(binary[0].labels[10_002]) == second.labels[2])
    #expect(binary[0].image(1) == Array(BatchContent.full(1).pixels[3072..<6144]))
  }

  @Test func aLimitReadsOnlyTheFilesItNeeds() throws {
    let directory = try TemporaryDirectory()
    try writeBlackBatch(directory.file("data_batch_1.bin"))
    #expect(try Dataset.open(directory.path, split: .train, limit: 10_000).count == 10_000)
    let error = failure { try Dataset.open(directory.path, split: .train, limit: 10_001) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("data_batch_2.bin") == true)
  }

  @Test(arguments: [0, -1]) func aLimitBelowOneIsRefused(limit: Int) throws {
    for place in ["shapes", "/nowhere"] {
      let error = failure { try Dataset.open(place, split: .train, limit: limit) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains("\(limit)") == true)
    }
  }

  @Test func anAbsentDirectoryIsNamed() throws {
    let directory = try TemporaryDirectory()
    let error = failure { try Dataset.open(directory.file("gone"), split: .train) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(directory.file("gone")) == true)
    #expect(error?.message.contains("cifar data download") == true)
  }

  @Test func aDirectoryWithoutTheDataSetIsNamed() throws {
    let directory = try TemporaryDirectory()
    let error = failure { try Dataset.open(directory.path, split: .train) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(directory.path) == true)
    #expect(error?.message.contains("cifar-10-batches-bin") == true)
  }

  @Test func anAbsentFileIsNamed() throws {
    let directory = try TemporaryDirectory()
    try writeBlackBatch(directory.file("test_batch.bin"))
    let error = failure { try Dataset.open(directory.path, split: .train) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(directory.file("data_batch_1.bin")) == true)
    #expect(error?.message.contains("again") == true)
  }

  @Test(arguments: [(30_729_999, "truncated"), (30_730_001, "too long"), (0, "truncated")])
  func aBinaryFileOfTheWrongSizeIsRefused(size: Int, word: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("test_batch.bin")
    try writeBlackBatch(path, size: size)
    // Also where the images asked for would be there.
    let error = failure { try Dataset.open(directory.path, split: .test, limit: 1) }
    #expect(error?.code == .badData)
    for part in [path, word, "\(size)", "30730000", "again"] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
  }

  @Test func aLabelOutOfRangeIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("test_batch.bin")
    try writeBlackBatch(path)
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.seek(toOffset: 9_999 * 3_073)
    try file.write(contentsOf: Data([10]))
    try file.close()
    // The file is damaged even if the image isn't wanted.
    let error = failure { try Dataset.open(directory.path, split: .test, limit: 1) }
    #expect(error?.code == .badData)
    for part in [path, "label 10", "9999", "again"] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
  }

  @Test func aDirectoryInPlaceOfAFileIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.directory("test_batch.bin")
    let error = failure { try Dataset.open(directory.path, split: .test) }
    #expect(error?.code == .badData)
    #expect(error?.message.contains(path) == true)
    #expect(error?.message.contains("again") == true)
  }

  @Test func aFileThatIsFarTooLargeIsNotRead() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("test_batch")
    try writeBlackBatch(path, size: 1 << 40)
    let error = failure { try Dataset.open(directory.path, split: .test) }
    #expect(error?.code == .badData)
    #expect(error?.message.contains(path) == true)
    #expect(error?.message.contains("again") == true)
  }
}
