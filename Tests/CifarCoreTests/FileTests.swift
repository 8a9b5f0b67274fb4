import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarCore

@Suite struct FileTests {
  private let directory: ScratchDirectory

  init() throws { directory = try ScratchDirectory() }

  private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

  private func make(_ name: String, _ bytes: [UInt8]) throws -> String {
    try FileWriter.write(bytes, to: path(name), as: FileKind("a file") { _ in true })
    return path(name)
  }

  @Test func rangesEndWithTheFile() throws {
    let file = try File(reading: make("digits", Array("0123456789".utf8)))
    #expect(try file.size() == 10)
    #expect(try file.bytes(in: 3..<5) == Array("34".utf8))
    #expect(try file.bytes(in: 8..<20) == Array("89".utf8))
    #expect(try file.bytes(in: 20..<30) == [])
    var next = [UInt8](repeating: 0, count: 6)
    let first = try next.withUnsafeMutableBytes { try file.read(into: $0) }
    #expect(first == 6 && next == Array("012345".utf8))
    let second = try next.withUnsafeMutableBytes { try file.read(into: $0) }
    #expect(second == 4 && next == Array("678945".utf8))
  }

  @Test(arguments: [0, 1, 1 << 20, 1 << 20 + 1])
  func contentsAreWholeAndLookedAtFirst(size: Int) throws {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let path = try make("whole", bytes)
    var seen: [(count: Int, size: Int?)] = []
    let contents = try File.contents(of: path) { seen.append(($0.count, $1)) }
    #expect(contents == bytes)
    #expect(seen.count == 1 && seen[0].count == min(size, 1 << 20) && seen[0].size == size)
  }

  @Test func aShortPipeIsLookedAtToo() throws {
    let pipe = path("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let writer = Thread {
      let descriptor = open(pipe, O_WRONLY | O_CLOEXEC)
      _ = Glibc.write(descriptor, "abc", 3)
      close(descriptor)
    }
    writer.start()
    var seen: [UInt8] = []
    let contents = try File.contents(of: pipe, allowsPipe: true) { start, size in
      seen = start
      #expect(size == nil)
    }
    #expect(contents == Array("abc".utf8) && seen == contents)
  }

  @Test func whatIsNoFileIsNamed() throws {
    #expect(failure { _ = try File.contents(of: path("missing")) }?.code == .notFound)
    #expect(failure { _ = try File.contents(of: "a\0b") }?.code == .invalidArgument)
    #expect(failure { _ = try File.contents(of: directory.path) }?.code == .io)
    let device = failure { _ = try File.contents(of: "/dev/zero") }
    #expect(device?.code == .badData && device?.message == "'/dev/zero' is a device, not a file")
  }

  @Test func appendingGoesToTheEnd() throws {
    let path = try make("log", Array("one ".utf8))
    let file = try File(appendingTo: path)
    try file.write(Array("two ".utf8))
    let other = try File(appendingTo: path)
    try other.write(Array("three".utf8))
    try file.sync(onlyData: true)
    #expect(try File.contents(of: path) == Array("one two three".utf8))
    try file.truncate(to: 3)
    #expect(try file.bytes(in: 0..<100) == Array("one".utf8))
  }

  @Test func aFullDeviceIsADiskFull() throws {
    let file = try File(appendingTo: "/dev/full")
    let error = failure { try file.write([1]) }
    #expect(error?.code == .diskFull && error?.message.hasPrefix("can't write '/dev/full'") == true)
  }

  @Test func linksAreFollowedOnlyWhereTheyMay() throws {
    let path = try make("target", [1])
    #expect(symlink(path, self.path("link")) == 0)
    _ = try File(appendingTo: self.path("link"))
    #expect(throws: CifarError.self) {
      _ = try File(appendingTo: self.path("link"), followsLinks: false)
    }
  }

  @Test func aDescriptorIsClosedWithItsValue() throws {
    let path = try make("closed", [1, 2])
    var number: Int32 = -1
    do {
      let file = try File(reading: path)
      number = file.descriptor
      #expect(try file.size() == 2)
    }
    // Whoever has the number now has another file.
    var status = stat()
    var present = stat()
    #expect(stat(path, &present) == 0)
    #expect(fstat(number, &status) != 0 || status.st_ino != present.st_ino)
  }

  /// Closing any descriptor of a file drops the process's POSIX locks on it, SQLite's among them.
  @Test(arguments: ["SQLite format 3\0", ""])
  func readingADatabaseLeavesItsLocks(start: String) throws {
    let path = try make("runs.db", Array(start.utf8))
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    defer { close(descriptor) }
    // The byte after the shared range's first, as SQLite's readers lock it.
    var lock = flock()
    lock.l_type = Int16(F_RDLCK)
    lock.l_start = 0x4000_0002
    lock.l_len = 510
    #expect(fcntl(descriptor, F_SETLK, &lock) == 0)
    #expect(try File.contents(of: path) == Array(start.utf8))
    #expect(File.areSame(path, path))
    #expect(
      OpenFileLock.obstacle(descriptor, to: F_WRLCK, start: 0x4000_0002, length: 510)?.type
        == F_RDLCK)
  }

  @Test func sameFilesHaveTheSameBytes() throws {
    let bytes = [UInt8](repeating: 7, count: 600_000)
    let path = try make("a", bytes)
    #expect(try File.areSame(path, make("b", bytes)))
    #expect(try !File.areSame(path, make("c", bytes.dropLast() + [8])))
    #expect(try !File.areSame(path, make("d", bytes + [7])))
    #expect(!File.areSame(path, self.path("missing")) && !File.areSame(path, "/dev/zero"))
  }

  @Test func theSystemTellsOfItself() {
    #expect(File.systemText("/proc/self/statm")?.split(separator: " ").count == 7)
    #expect(File.systemText("/proc/self/mountinfo")?.hasSuffix("\n") == true)
    #expect(File.systemText("/proc/self/none") == nil)
    #expect(File.systemText("/proc") == nil)
  }
}
