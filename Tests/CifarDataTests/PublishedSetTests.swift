import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// MNIST, Fashion-MNIST and SVHN as they are published, and what is damaged of them.
@Suite struct PublishedSetTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static func header(_ dimensions: [Int]) -> [UInt8] {
    [0, 0, 8, UInt8(dimensions.count)]
      + dimensions.flatMap { size in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } }
  }

  /// Five training images of 28×20, two to test with.
  private func writeIDX(_ name: String = "") throws {
    for (start, count, seed) in [("train", 5, UInt32(1)), ("t10k", 2, 2)] {
      try write(
        Self.header([count, 28, 20]) + noise(seed, count: count * 560),
        to: directory.file("\(name)\(start)-images-idx3-ubyte"))
      try write(
        Self.header([count]) + (0..<count).map(UInt8.init),
        to: directory.file("\(name)\(start)-labels-idx1-ubyte"))
    }
  }

  @Test(arguments: ["mnist", "fashion-mnist"])
  func digitsAndClothes(name: String) throws {
    try writeIDX()
    let place = "\(name):\(directory.path)"
    let train = try Dataset.open(place, split: .train)
    #expect(train.name == name && train.count == 5 && train.shape.dimensions == [1, 28, 20])
    #expect(train.classNames.count == 10 && train.location == place)
    #expect(Array(train.labels.span) == [0, 1, 2, 3, 4])
    #expect(Array(train.images.span) == noise(1, count: 5 * 560))
    let test = try Dataset.open(train.location, split: .test, limit: 1)
    #expect(test.count == 1 && Array(test.images.span) == noise(2, count: 560))
  }

  @Test func packedFilesAreRead() throws {
    try writeIDX()
    for file in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
      let result = try ChildProcess.run(["gzip", "-n", directory.file(file)])
      #expect(result.exitCode == 0)
    }
    let train = try Dataset.open("mnist:\(directory.path)", split: .train)
    #expect(Array(train.images.span) == noise(1, count: 5 * 560))
    // A damaged one is named.
    let path = directory.file("train-images-idx3-ubyte.gz")
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    for place in [bytes.count / 2, bytes.count - 6] { bytes[place] ^= 0x55 }
    try write(bytes, to: path)
    let error = failure { try Dataset.open("mnist:\(directory.path)", split: .train) }
    #expect(error?.code == .badData && error?.message.contains(path) == true)
  }

  /// Every wrong file gets an error that names it, and what is in it is never believed.
  @Test func damagedFiles() throws {
    let good = Self.header([5, 28, 20]) + noise(1, count: 5 * 560)
    let images: [(String, [UInt8])] = [
      ("no IDX file", []), ("no IDX file", Array("not such a file".utf8)),
      ("truncated", Array(good.dropLast())), ("too long", good + [0]),
      ("5 images, but", Self.header([5, 28, 20]) + noise(1, count: 5 * 560)),
      ("dimensions", Self.header([5, 0xffff_ffff, 0xffff_ffff]) + [0]),
      ("2 dimensions, not 3", Self.header([5, 560]) + noise(1, count: 5 * 560)),
      ("1×4×4", Self.header([5, 4, 4]) + noise(1, count: 80)),
    ]
    try writeIDX()
    for (words, content) in images {
      try write(content, to: directory.file("train-images-idx3-ubyte"))
      let labels = words.contains("but") ? 4 : 5
      try write(
        Self.header([labels]) + [UInt8](repeating: 1, count: labels),
        to: directory.file("train-labels-idx1-ubyte"))
      let error = failure { try Dataset.open("mnist:\(directory.path)", split: .train) }
      #expect(error?.code == .badData && error?.message.contains(words) == true, "\(words)")
    }
    try writeIDX()
    try write(
      Self.header([5]) + [0, 1, 2, 10, 3], to: directory.file("train-labels-idx1-ubyte"))
    let error = failure { try Dataset.open("mnist:\(directory.path)", split: .train) }
    #expect(error?.message.contains("label 10 of image 3 is not in 0 to 9") == true)
  }

  @Test func whatIsMissingIsNamed() throws {
    for name in ["mnist", "fashion-mnist", "svhn"] {
      let error = failure { try Dataset.open("\(name):\(directory.path)", split: .train) }
      #expect(error?.code == .notFound && error?.message.contains(directory.path) == true)
      #expect(failure { try Dataset.open("\(name):", split: .train) }?.code == .invalidArgument)
    }
    try writeIDX()
    try FileManager.default.removeItem(atPath: directory.file("train-labels-idx1-ubyte"))
    let error = failure { try Dataset.open("mnist:\(directory.path)", split: .train) }
    #expect(error?.code == .notFound && error?.message.contains("train-labels") == true)
  }

  @Test(arguments: ["svhn-packed.mat", "svhn-plain.mat"])
  func houseNumbers(file: String) throws {
    try write(golden(file), to: directory.file("train_32x32.mat"))
    let train = try Dataset.open("svhn:\(directory.path)", split: .train)
    #expect(train.count == 3 && train.shape == .cifar)
    #expect(Array(train.labels.span) == [1, 0, 3])
    for image in 0..<3 {
      let pixels = train.images.span[(image * 3072)..<((image + 1) * 3072)]
      #expect(Array(pixels) == noise(1200 + UInt32(image)))
    }
  }

  @Test(arguments: ["svhn-packed.mat", "svhn-plain.mat"])
  func damagedHouseNumbers(file: String) throws {
    let path = directory.file("train_32x32.mat")
    let good = try golden(file)
    // Cut anywhere, and with any byte of the element's tags changed: an error or an answer.
    for length in [0, 100, 128, 136, 200, good.count / 2, good.count - 1] {
      try write(Array(good.prefix(length)), to: path)
      let error = failure { try Dataset.open("svhn:\(directory.path)", split: .train) }
      #expect(error?.code == .badData && error?.message.contains(path) == true, "\(length)")
    }
    for place in (126..<220) where place < good.count {
      for value in [0, 1, 0x7f, 0xff] as [UInt8] {
        var bytes = good
        bytes[place] = value
        try write(bytes, to: path)
        let error = failure { try Dataset.open("svhn:\(directory.path)", split: .train) }
        #expect(error == nil || error?.code == .badData, "\(place)")
      }
    }
  }
}

/// Directories with pictures, and single pictures.
@Suite struct PictureTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func bitmap(_ kind: String, _ width: Int, _ height: Int, seed: UInt32) -> [UInt8] {
    Array("\(kind)\n# a comment\n\(width) \(height)\n255\n".utf8)
      + noise(seed, count: width * height * (kind == "P6" ? 3 : 1))
  }

  private func put(_ content: [UInt8], _ path: String) throws {
    let file = directory.file(path)
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try write(content, to: file)
  }

  @Test func aFolderIsADataSet() throws {
    for (split, seeds) in [("train", [1, 2, 3, 4] as [UInt32]), ("test", [5, 6])] {
      for (place, seed) in seeds.enumerated() {
        try put(
          bitmap("P6", 12, 10, seed: seed), "\(split)/\(place % 2 == 0 ? "cat" : "dog")/\(seed).ppm"
        )
      }
    }
    try put([1], "train/cat/.hidden")
    let train = try Dataset.open("folder:\(directory.path)", split: .train)
    #expect(train.classNames == ["cat", "dog"] && train.shape.dimensions == [3, 10, 12])
    #expect(Array(train.labels.span) == [0, 0, 1, 1])
    let pixels = noise(1, count: 360)
    #expect(train.images[0] == pixels[0] && train.images[1] == pixels[3])
    #expect(train.images[120] == pixels[1] && train.images[359] == pixels[359])
    let test = try Dataset.open(train.location, split: .test)
    #expect(test.count == 2)
    // A limit takes as many of each class.
    let two = try Dataset.open("folder:\(directory.path)", split: .train, limit: 2)
    #expect(Array(two.labels.span) == [0, 1])
  }

  @Test func greysAreOneChannel() throws {
    for name in ["a", "b"] { try put(bitmap("P5", 9, 8, seed: 3), "train/\(name)/1.pgm") }
    #expect(
      try Dataset.open("folder:\(directory.path)", split: .train).shape.dimensions == [1, 8, 9])
    // One in colours makes all of them so.
    try put(bitmap("P6", 9, 8, seed: 4), "train/b/2.ppm")
    let mixed = try Dataset.open("folder:\(directory.path)", split: .train)
    #expect(mixed.shape.dimensions == [3, 8, 9])
    #expect(mixed.images[0] == mixed.images[72] && mixed.images[0] == noise(3)[0])
  }

  @Test func foldersThatAreNone() throws {
    func code(_ split: Split = .train) -> CifarError? {
      failure { try Dataset.open("folder:\(directory.path)", split: split) }
    }
    #expect(failure { try Dataset.open("folder:/nowhere", split: .train) }?.code == .notFound)
    #expect(failure { try Dataset.open("folder:", split: .train) }?.code == .invalidArgument)
    #expect(code()?.code == .badData)
    try put(bitmap("P6", 9, 8, seed: 3), "a/1.ppm")
    try FileManager.default.createDirectory(
      atPath: directory.file("b"), withIntermediateDirectories: true)
    #expect(code()?.message.contains("has no pictures") == true)
    try put(bitmap("P6", 8, 9, seed: 3), "b/1.ppm")
    #expect(code()?.code == .shapeMismatch)
    #expect(code(.test)?.message.contains("no directory 'test'") == true)
    try put(bitmap("P6", 200, 9, seed: 3), "b/1.ppm")
    #expect(code()?.message.contains("200×9") == true)
    for damaged in [
      "P6\n9 8\n255\n", "P6\n9 8\n65535\n", "P6\n9\n", "P6\n99999999999 8\n255\n", "P6 0 8 255\n",
    ] {
      try put(Array(damaged.utf8), "b/1.ppm")
      let error = code()
      #expect(error?.code == .badData && error?.message.contains("b/1.ppm") == true, "\(damaged)")
    }
  }

  @Test func aPictureOfTheRightSizeNeedsNoConverter() throws {
    try put(bitmap("P6", 32, 32, seed: 8), "x.ppm")
    let color = try PictureFile(directory.file("x.ppm"), fitting: .cifar)
    #expect(color.bytes[1] == noise(8)[3])
    let grey = try PictureFile(
      directory.file("x.ppm"), fitting: ImageShape(channels: 1, height: 32, width: 32))
    // ITU-R 601-2, as Pillow.
    let n = noise(8).prefix(3).map(Int.init)
    #expect(Int(grey.bytes[0]) == (n[0] * 19_595 + n[1] * 38_470 + n[2] * 7_471 + 0x8000) >> 16)
  }
}
