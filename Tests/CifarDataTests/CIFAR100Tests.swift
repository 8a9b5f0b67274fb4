import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// 10,000 test images of CIFAR-100 in both layouts.
private struct HundredContent {
  let pixels = noise(11, count: 10_000 * ImageShape.cifar.count)
  let fine = (0..<10_000).map { $0 * 7 % 100 }
  let coarse = (0..<10_000).map { $0 * 3 % 20 }

  var binary: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(10_000 * 3074)
    for index in 0..<10_000 {
      bytes += [UInt8(coarse[index]), UInt8(fine[index])]
      bytes += pixels[(index * ImageShape.cifar.count)..<((index + 1) * ImageShape.cifar.count)]
    }
    return bytes
  }

  /// With the entries of the real file, in another order.
  var python: [UInt8] {
    var writer = PickleWriter()
    writer.put("}")
    writer.remember()
    writer.put("(")
    writer.string("filenames")
    writer.list(10_000) { $0.string("image_\($1).png", remembered: false) }
    writer.string("batch_label")
    writer.string("testing batch 1 of 1")
    writer.string("fine_labels")
    writer.list(10_000) { $0.integer(fine[$1]) }
    writer.string("coarse_labels")
    writer.list(10_000) { $0.integer(coarse[$1]) }
    writer.string("data")
    writer.array(pixels, shape: [10_000, ImageShape.cifar.count])
    writer.put("u.")
    return writer.bytes
  }
}

@Suite struct CIFAR100Tests {
  @Test func bothLayoutsHaveBothLabels() throws {
    let content = HundredContent()
    let directory = try TemporaryDirectory()
    try write(content.binary, to: directory.directory("cifar-100-binary") + "/test.bin")
    let other = try TemporaryDirectory()
    try write(content.python, to: other.directory("cifar-100-python") + "/test")
    for place in [directory, other] {
      let fine = try Dataset.open("cifar100:\(place.path)", split: .test)
      #expect(fine.name == "cifar100")
      #expect(fine.classNames.count == 100)
      #expect(fine.classNames[0] == "apple" && fine.classNames[99] == "worm")
      #expect(fine.allLabels == content.fine.map(Int32.init))
      #expect(fine.image(9_999) == Array(content.pixels.suffix(ImageShape.cifar.count)))
      let coarse = try Dataset.open("cifar100-coarse:\(place.path)", split: .test, limit: 30)
      #expect(coarse.name == "cifar100-coarse")
      #expect(coarse.classNames.count == 20)
      #expect(coarse.classNames[0] == "aquatic_mammals" && coarse.classNames[19] == "vehicles_2")
      #expect(coarse.allLabels == content.coarse.prefix(30).map(Int32.init))
      #expect(coarse.image(29) == fine.image(29))
      // Its location opens it again.
      let again = try Dataset.open(coarse.location, split: .test, limit: 30)
      #expect(again.hasSameImages(as: coarse))
    }
  }

  @Test func trainingImagesAreFiftyThousand() throws {
    let directory = try TemporaryDirectory()
    try writeBlackBatch(directory.file("train.bin"), size: 50_000 * 3074)
    let train = try Dataset.open("cifar100:\(directory.path)", split: .train, limit: 50_000)
    #expect(train.count == 50_000)
    let missing = failure { try Dataset.open("cifar100:\(directory.path)", split: .test) }
    #expect(missing?.code == .notFound)
    #expect(missing?.message.contains("test.bin") == true)
  }

  @Test func whatIsNotThereOrDamagedIsNamed() throws {
    let directory = try TemporaryDirectory()
    let absent = failure { try Dataset.open("cifar100:\(directory.path)", split: .test) }
    #expect(absent?.code == .notFound)
    #expect(absent?.message.contains("cifar-100-binary or cifar-100-python") == true)
    #expect(absent?.message.contains(directory.path) == true)
    try write([0, 1, 2], to: directory.file("test.bin"))
    let short = failure { try Dataset.open("cifar100:\(directory.path)", split: .test) }
    #expect(short?.code == .badData)
    var bytes = [UInt8](repeating: 0, count: 10_000 * 3074)
    bytes[5 * 3074 + 1] = 100
    try write(bytes, to: directory.file("test.bin"))
    let label = failure { try Dataset.open("cifar100:\(directory.path)", split: .test) }
    #expect(label?.code == .badData)
    #expect(label?.message.contains("label 100 of image 5 is not in 0 to 99") == true)
    // It is no coarse one.
    #expect(try Dataset.open("cifar100-coarse:\(directory.path)", split: .test).count == 10_000)
  }
}
