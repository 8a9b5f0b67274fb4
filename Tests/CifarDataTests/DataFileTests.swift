import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

@Suite struct DataFileTests {
  /// A pipe that nobody writes to must not hold the caller up.
  @Test func onlyRegularFilesAreRead() throws {
    let directory = try TemporaryDirectory()
    let pipe = directory.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    for path in [pipe, "/dev/zero", "/dev/null", directory.path] {
      let error = failure { _ = try DataFile(path) }
      #expect(error?.code == .badData)
      #expect(error?.message.contains("'\(path)' is not a regular file") == true)
    }
    #expect(failure { _ = try DataFile("/nowhere") }?.code == .notFound)
    #expect(failure { _ = try DataFile("/dev/zero\0more") }?.code == .invalidArgument)
  }

  /// Files of `/proc` have contents and no size.
  @Test func aFileWithoutASizeIsRefused() {
    let error = failure { try DataFile("/proc/self/status").records(of: 1, count: 5) { _, _ in } }
    #expect(error?.message.contains("truncated: 0 bytes, not 5") == true)
    let pickle = failure {
      try PickledBatch(try DataFile("/proc/self/status").bytes(atMost: 100), path: "x")
    }
    #expect(pickle?.message.contains("empty") == true)
  }

  @Test func aFileThatShrinksWhileItIsReadIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("test_batch.bin")
    try writeBlackBatch(path, size: 4000)
    let error = failure {
      try DataFile(path).records(of: 1, count: 4000) { index, _ in
        if index == 0 { truncate(path, 100) }
      }
    }
    #expect(error?.code == .badData)
    #expect(error?.message.contains("'\(path)' became shorter while it was read") == true)
  }

  @Test func recordsComeInOrder() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("file")
    let bytes = (0..<1800).map { UInt8(truncatingIfNeeded: $0 * 7) }
    try write(bytes, to: path)
    var read: [UInt8] = []
    try DataFile(path).records(of: 3, count: 600) { index, record in
      #expect(index * 3 == read.count)
      read += Array(record)
    }
    #expect(read == bytes)
  }

  private static let otherFormats: [(bytes: [UInt8], words: String)] = [
    ([0x1f, 0x8b, 8, 0], "is a gzip file: unpack it first"),
    (Array("BZh91AY".utf8), "bzip2"), ([0x50, 0x4b, 3, 4, 20], "zip file"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz file"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd file"),
    ([UInt8](repeating: 0x61, count: 257) + Array("ustar\0".utf8), "tar archive"),
    (Array("\n <!DOCTYPE html>\n<html>".utf8), "HTML"), (Array("<HTML><head>".utf8), "HTML"),
    (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git lfs pull"),
  ]

  @Test(arguments: otherFormats.indices)
  func otherFormatsAreNamed(index: Int) throws {
    let (bytes, words) = Self.otherFormats[index]
    let directory = try TemporaryDirectory()
    let binary = try directory.directory("cifar-10-batches-bin")
    let python = try directory.directory("cifar-10-batches-py")
    let hundred = try directory.directory("cifar-100-binary")
    for (place, file, location) in [
      (binary, "test_batch.bin", binary), (python, "test_batch", python),
      (hundred, "test.bin", "cifar100:\(hundred)"),
    ] {
      try write(bytes, to: "\(place)/\(file)")
      let error = failure { try Dataset.open(location, split: .test) }
      #expect(error?.code == .badData)
      #expect(error?.message.contains("'\(place)/\(file)' is a") == true)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
  }

  @Test(arguments: ["", "/data\0/x", "cifar100:", "cifar100-coarse:\0"])
  func aLocationThatIsNoPathIsRefused(location: String) {
    #expect(
      failure { try Dataset.open(location, split: .test) }?.code == .invalidArgument)
  }

  @Test func messagesHaveNoControlCharacters() {
    let location = "/no\u{1b}[31mwhere\n"
    let error = failure { try Dataset.open(location, split: .test) }
    #expect(error?.message.contains(#"'/no\u{1B}[31mwhere\n'"#) == true)
  }
}
