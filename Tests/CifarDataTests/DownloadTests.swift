import CifarCore
import Foundation
import Glibc
import TestSupport
import Testing

@testable import CifarData

/// An archive like the published ones, only small: the true one is 170 MB.
private struct Sample {
  let directory: TemporaryDirectory
  let bytes: [UInt8]
  let archive: Download.Archive

  init(directoryName: String = "tiny-batches") throws {
    directory = try TemporaryDirectory()
    let content = try directory.directory("source/tiny-batches")
    // Noise does not shrink, so the archive has some length to break off in.
    try write(noise(9, count: 20_000), to: "\(content)/test_batch.bin")
    let packed = directory.file("packed.tar.gz")
    let tar = try ChildProcess.run(
      ["tar", "-czf", packed, "-C", directory.file("source"), "tiny-batches"])
    try #require(tar.exitCode == 0)
    bytes = Array(try Data(contentsOf: URL(fileURLWithPath: packed)))
    let sum = try ChildProcess.run(["md5sum", packed]).output.prefix(32)
    archive = Download.Archive(
      file: "tiny.tar.gz", md5: String(sum), directory: directoryName,
      files: [.init("test_batch.bin", size: 20_000)])
  }

  /// Where the data set goes.
  var target: String { directory.file("new/place") }

  func download(_ server: ArchiveServer) throws -> Download {
    try Download(archive: archive, baseURL: server.url, directory: target)
  }

  func expectUnpacked(at location: SourceLocation = #_sourceLocation) throws {
    #expect(try targetContents() == ["tiny-batches"], sourceLocation: location)
    let file = URL(fileURLWithPath: "\(target)/tiny-batches/test_batch.bin")
    #expect(
      Array(try Data(contentsOf: file)) == noise(9, count: 20_000), sourceLocation: location)
  }

  func targetContents() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: target).sorted()
  }

  func leave(_ bytes: some Sequence<UInt8>, as name: String) throws {
    _ = try directory.directory("new/place")
    try write(Array(bytes), to: "\(target)/\(name)")
  }
}

@Suite struct DownloadTests {
  @Test func anArchiveIsFetchedAndUnpacked() throws {
    let sample = try Sample()
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    #expect(try sample.download(server).run() == "\(sample.target)/tiny-batches")
    try sample.expectUnpacked()
    #expect(server.requests == ["GET /tiny.tar.gz HTTP/1.1"])
    // What is there is not fetched again.
    #expect(try sample.download(server).run() == "\(sample.target)/tiny-batches")
    #expect(server.requests.count == 1)
  }

  @Test func aBrokenDownloadGoesOnWhereItStopped() throws {
    let sample = try Sample()
    let server = try ArchiveServer(sample.bytes, .breaksOff(after: 12_345))
    defer { server.close() }
    _ = try sample.download(server).run()
    try sample.expectUnpacked()
    #expect(server.requests.last == "GET /tiny.tar.gz HTTP/1.1 Range: bytes=12345-")
  }

  @Test func aDownloadOfYesterdayGoesOn() throws {
    let sample = try Sample()
    try sample.leave(sample.bytes.prefix(7_000), as: ".tiny.tar.gz.cifar-part")
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    _ = try sample.download(server).run()
    try sample.expectUnpacked()
    #expect(server.requests == ["GET /tiny.tar.gz HTTP/1.1 Range: bytes=7000-"])
  }

  @Test func silenceIsNotWaitedForWithoutEnd() throws {
    let sample = try Sample()
    let server = try ArchiveServer(sample.bytes, .fallsSilent(after: 5_000))
    defer { server.close() }
    var download = try sample.download(server)
    download.patience = 1
    _ = try download.run()
    try sample.expectUnpacked()
    #expect(server.requests.last == "GET /tiny.tar.gz HTTP/1.1 Range: bytes=5000-")
  }

  @Test func aDirectoryWithSomeOfTheFilesIsCompleted() throws {
    let sample = try Sample()
    let batches = try sample.directory.directory("new/place/tiny-batches")
    try write([1, 2, 3], to: "\(batches)/test_batch.bin")
    try write([4], to: "\(batches)/mine.txt")
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    var remarks: [String] = []
    _ = try sample.download(server).run { remarks.append($0) }
    try sample.expectUnpacked()
    let names = try FileManager.default.contentsOfDirectory(atPath: batches).sorted()
    #expect(names == ["mine.txt", "test_batch.bin", "test_batch.bin.replaced"])
    #expect(remarks.count == 1 && remarks[0].contains("test_batch.bin.replaced"))
    let kept = URL(fileURLWithPath: "\(batches)/test_batch.bin.replaced")
    #expect(try Array(Data(contentsOf: kept)) == [1, 2, 3])
  }

  @Test func anotherDownloadIsNotDisturbed() throws {
    let sample = try Sample()
    _ = try sample.directory.directory("new/place")
    let part = try PartialDownload(of: "tiny.tar.gz", in: sample.target)
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    #expect(failure { try sample.download(server).run() }?.code == .busy)
    #expect(server.requests.isEmpty)
    withExtendedLifetime(part) {}
  }

  @Test func aLinkInThePlaceOfThePartIsNotFollowed() throws {
    let sample = try Sample()
    try sample.leave([7], as: "victim")
    symlink("victim", "\(sample.target)/.tiny.tar.gz.cifar-part")
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    #expect(failure { try sample.download(server).run() }?.code == .io)
    let victim = URL(fileURLWithPath: "\(sample.target)/victim")
    #expect(try Array(Data(contentsOf: victim)) == [7])
  }

  @Test(arguments: ["-K/dev/null", "gopher://x", ""])
  func whatIsNoURLIsRefused(url: String) throws {
    let directory = try TemporaryDirectory()
    let download = try Download(baseURL: url, directory: directory.file("d"))
    #expect(failure { try download.run() }?.code == .invalidArgument)
  }

  @Test func aWrongSumIsAnErrorAndTheArchiveIsRemoved() throws {
    let sample = try Sample()
    var damaged = sample.bytes
    damaged[10_000] ^= 1
    let server = try ArchiveServer(damaged)
    defer { server.close() }
    let error = failure { try sample.download(server).run() }
    #expect(error?.code == .checksumMismatch)
    for part in ["tiny.tar.gz", sample.archive.md5, "removed", "again"] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
    #expect(try sample.targetContents() == [])
  }

  @Test func aWholeFileThatWasNotRenamedIsTaken() throws {
    let sample = try Sample()
    try sample.leave(sample.bytes, as: ".tiny.tar.gz.cifar-part")
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    _ = try sample.download(server).run()
    try sample.expectUnpacked()
  }

  @Test func anArchiveThatIsThereIsNotFetchedAndStays() throws {
    let sample = try Sample()
    try sample.leave(sample.bytes, as: "tiny.tar.gz")
    let server = try ArchiveServer([], .notFound)
    defer { server.close() }
    _ = try sample.download(server).run()
    #expect(try sample.targetContents() == ["tiny-batches", "tiny.tar.gz"])
    #expect(server.requests.isEmpty)
  }

  @Test func anArchiveThatIsThereAndIsAnotherStays() throws {
    let sample = try Sample()
    try sample.leave([1, 2], as: "tiny.tar.gz")
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    #expect(failure { try sample.download(server).run() }?.code == .checksumMismatch)
    #expect(try sample.targetContents() == ["tiny.tar.gz"])
  }

  /// Whatever lies there from before, the second attempt at the latest is a fresh one.
  @Test(arguments: [100, 30_000]) func aPartOfSomethingElseIsNoDeadEnd(length: Int) throws {
    for manner in [ArchiveServer.Manner.whole, .withoutRanges] {
      let sample = try Sample()
      try sample.leave(repeatElement(0, count: length), as: ".tiny.tar.gz.cifar-part")
      let server = try ArchiveServer(sample.bytes, manner)
      defer { server.close() }
      if let error = failure({ try sample.download(server).run() }) {
        #expect(error.code == .checksumMismatch)
        _ = try sample.download(server).run()
      }
      try sample.expectUnpacked()
    }
  }

  @Test func aServerWithoutRangesIsAskedForTheWhole() throws {
    let sample = try Sample()
    try sample.leave(sample.bytes.prefix(7_000), as: ".tiny.tar.gz.cifar-part")
    let server = try ArchiveServer(sample.bytes, .withoutRanges)
    defer { server.close() }
    _ = try sample.download(server).run()
    try sample.expectUnpacked()
  }

  @Test func whatTheServerDoesNotHaveIsNamed() throws {
    let sample = try Sample()
    let server = try ArchiveServer(sample.bytes, .notFound)
    let error = failure { try sample.download(server).run() }
    #expect(error?.code == .io)
    #expect(error?.message.contains("\(server.url)/tiny.tar.gz") == true)
    #expect(error?.message.contains("404") == true)
    server.close()
    // And nobody there at all.
    #expect(failure { try sample.download(server).run() }?.code == .io)
  }

  @Test func anArchiveOfSomethingElseIsRefused() throws {
    let sample = try Sample(directoryName: "cifar-10-batches-bin")
    let server = try ArchiveServer(sample.bytes)
    defer { server.close() }
    let error = failure { try sample.download(server).run() }
    #expect(error?.code == .badData)
    #expect(error?.message.contains("cifar-10-batches-bin") == true)
    // What came stays for the next time.
    #expect(try sample.targetContents() == [".tiny.tar.gz.cifar-part"])
  }

  @Test func whereNothingCanBeWrittenIsNamed() throws {
    let directory = try TemporaryDirectory()
    try write([1], to: directory.file("file"))
    let download = try Download(directory: directory.file("file/below"))
    let error = failure { try download.run() }
    #expect(error?.code == .io)
    #expect(error?.message.contains(directory.file("file/below")) == true)
  }

  @Test func theEnvironmentNamesPlaces() async {
    await #expect(processExitsWith: .success) {
      setenv("HOME", "/home/someone", 1)
      unsetenv("CIFAR10_DIR")
      unsetenv("CIFAR10_URL")
      let usual = try Download()
      #expect(usual.directory == "/home/someone/.cache/cifar10")
      #expect(usual.baseURL == "https://www.cs.toronto.edu/~kriz")
      setenv("CIFAR10_DIR", "/images", 1)
      setenv("CIFAR10_URL", "http://mirror/cifar", 1)
      let named = try Download()
      #expect(named.directory == "/images")
      #expect(named.baseURL == "http://mirror/cifar")
    }
  }

  @Test func anAbsentProgramIsNamed() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      setenv("PATH", directory.path, 1)
      let error = failure { try Download(directory: directory.file("data")).run() }
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains("curl") == true)
    }
  }
}
