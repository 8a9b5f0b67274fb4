import CifarCore
import Foundation
import Glibc
import Testing

@testable import CifarCore

/// Files through the one writer; the commands are tested in Tests/CABI/test_files.py.
@Suite struct FileWriterTests {
  private let scratch: ScratchDirectory
  private let kind = FileKind("a test's file", startsWith: "mine")

  init() throws { scratch = try ScratchDirectory() }

  private func path(_ name: String) -> String { "\(scratch.path)/\(name)" }

  private func content(_ name: String) -> String? {
    try? String(contentsOfFile: path(name), encoding: .utf8)
  }

  private func put(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
  }

  private func write(_ text: String, _ name: String, force: Bool = false) throws {
    try FileWriter.write(Array(text.utf8), to: path(name), as: kind, force: force)
  }

  private func code(_ body: () throws -> Void) -> CifarError.Code? {
    do {
      try body()
      return nil
    } catch { return (error as? CifarError)?.code }
  }

  private var names: [String] { ScratchDirectory.names(in: scratch.path) }

  @Test func piecesOfAnySizeComeInOrder() throws {
    var expected: [UInt8] = []
    try FileWriter.write(to: path("a"), as: kind) { file in
      for size in [0, 1, 65_535, 65_536, 65_537, 3, 200_000, 10] {
        let piece = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ size) }
        expected += piece
        try file.write(piece)
      }
    }
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path("a")))) == expected)
  }

  /// As Ctrl-C does it: no part of the file is left, under no name.
  @Test func aCheckEndsTheWriting() throws {
    try write("mine 1", "a")
    struct Stop: Error {}
    for name in ["a", "b"] {
      var pieces = 0
      func check() throws {
        pieces += 1
        if pieces == 3 { throw Stop() }
      }
      #expect(throws: Stop.self) {
        try FileWriter.write(to: path(name), as: kind, check: check) { file in
          for _ in 0..<10 { try file.write([UInt8](repeating: 1, count: 100_000)) }
        }
      }
    }
    #expect(content("a") == "mine 1" && names == ["a"])
  }

  @Test func aCheckEndsAProgram() {
    struct Stop: Error {}
    let start = ContinuousClock.now
    #expect(throws: Stop.self) {
      try ChildProcess.run(
        ["sleep", "60"],
        check: { if ContinuousClock.now - start > .milliseconds(300) { throw Stop() } })
    }
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test func anErrorInTheMiddleLeavesWhatWasThere() throws {
    try write("mine 1", "a")
    struct Stop: Error {}
    for name in ["a", "b"] {
      #expect(throws: Stop.self) {
        try FileWriter.write(to: path(name), as: kind) { file in
          try file.write([UInt8](repeating: 1, count: 100_000))
          throw Stop()
        }
      }
    }
    #expect(content("a") == "mine 1")
    #expect(names == ["a"])
  }

  @Test func onlyItsOwnKindIsReplacedUnasked() throws {
    try put("theirs", "a")
    #expect(code { try write("mine", "a") } == .invalidArgument)
    #expect(content("a") == "theirs")
    try write("mine", "a", force: true)
    try write("mine 2", "a")
    #expect(content("a") == "mine 2")
    try put("", "empty")
    try write("mine", "empty")
    #expect(content("empty") == "mine")
  }

  @Test func aFileThatComesMeanwhileIsNotLost() throws {
    #expect(
      code {
        try FileWriter.write(to: path("a"), as: kind) { file in
          try file.write("mine")
          try put("theirs", "a")
        }
      } == .invalidArgument)
    #expect(content("a") == "theirs")
    // One of the same kind is a writer that was faster.
    try FileWriter.write(to: path("b"), as: kind) { file in
      try file.write("mine, later")
      try write("mine, first", "b")
    }
    #expect(content("b") == "mine, later")
    #expect(names == ["a", "b"])
  }

  @Test func databasesOfRunsAndJournalsAreNeverReplaced() throws {
    var registry = Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0, count: 84)
    registry.replaceSubrange(68..<72, with: "CIFR".utf8)
    let journal: [UInt8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]
    for (name, bytes) in [("registry", registry), ("journal", journal)] {
      try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
      for force in [false, true] {
        #expect(code { try write("mine", name, force: force) } == .invalidArgument)
      }
      #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path(name)))) == bytes)
    }
    // Some other program's database: its owner may say so.
    registry.replaceSubrange(68..<72, with: [0, 0, 0, 0])
    try Data(registry).write(to: URL(fileURLWithPath: path("other")))
    #expect(code { try write("mine", "other") } == .invalidArgument)
    try write("mine", "other", force: true)
    #expect(content("other") == "mine")
  }

  @Test func linksAreFollowedAndStay() throws {
    symlink("b", path("a"))
    symlink("dangling/none", path("c"))
    symlink("loop", path("loop"))
    try write("mine", "a")
    #expect(content("b") == "mine")
    var status = stat()
    #expect(lstat(path("a"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    #expect(code { try write("mine", "c") } == .io)
    #expect(code { try write("mine", "loop") } == .io)
    symlink(scratch.path + "/absolute", path("d"))
    try write("mine", "d")
    #expect(content("absolute") == "mine")
  }

  @Test func permissionsAreKept() throws {
    try write("mine", "a")
    chmod(path("a"), 0o604)
    try write("mine 2", "a")
    var status = stat()
    #expect(stat(path("a"), &status) == 0 && status.st_mode & 0o777 == 0o604)
  }

  @Test func directoriesAndEmptyPathsAreRefused() throws {
    mkdir(path("d"), 0o777)
    for name in ["d", "d/", "new/", "."] {
      #expect(code { try write("mine", name) } == .invalidArgument, "\(name)")
    }
    #expect(code { try FileWriter.write([], to: "", as: kind) } == .invalidArgument)
    #expect(code { try FileWriter.write([], to: "a\0b", as: kind) } == .invalidArgument)
    #expect(code { try write("mine", "missing/a") } == .io)
  }

  @Test func aReaderThatLeavesAPipeIsAnError() throws {
    mkfifo(path("pipe"), 0o600)
    let reader = open(path("pipe"), O_RDONLY | O_NONBLOCK)
    let error = code {
      try FileWriter.write(to: path("pipe"), as: kind) { file in
        close(reader)
        // More than a pipe holds, whatever its size.
        try file.write([UInt8](repeating: 0, count: 4 << 20))
      }
    }
    #expect(error == .io)
    var status = stat()
    #expect(stat(path("pipe"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
  }

  @Test func manyWritersOfOneNameLeaveOneOfThem() async throws {
    let target = path("a")
    let kind = kind
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<16 {
        group.addTask {
          let bytes = Array("mine".utf8) + [UInt8](repeating: UInt8(number), count: 100_000)
          #expect(throws: Never.self) { try FileWriter.write(bytes, to: target, as: kind) }
        }
      }
    }
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: target)))
    #expect(bytes.count == 100_004 && Set(bytes[4...]).count == 1)
    #expect(names == ["a"])
  }

  @Test func longNamesFit() throws {
    let name = String(repeating: "x", count: 255)
    try write("mine", name)
    #expect(names == [name])
  }

  @Test func pathsFromTheRootOn() {
    let here = FileManager.default.currentDirectoryPath
    #expect(AbsolutePath.of("/a/b") == "/a/b")
    #expect(AbsolutePath.of("a") == "\(here)/a")
    #expect(AbsolutePath.of("./a/../b") == "\(here)/a/../b")
    #expect(AbsolutePath.of(".") == here)
    #expect(AbsolutePath.of("") == "")
  }
}
