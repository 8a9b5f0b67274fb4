import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

@Suite struct PickleTests {
  private let path = "/data/test_batch"
  private let small = BatchContent(pixels: noise(42, count: 3 * 3072), labels: [6, 9, 0])

  private func fault(_ bytes: [UInt8]) -> CifarError? {
    failure { try PickledBatch(bytes, path: path) }
  }

  private func expectFault(
    _ bytes: [UInt8], _ word: String, at location: SourceLocation = #_sourceLocation
  ) {
    let error = fault(bytes)
    #expect(error?.code == .badData, sourceLocation: location)
    for part in [path, word, "again"] {
      #expect(
        error?.message.contains(part) == true, "\(part) in \(error?.message ?? "no error")",
        sourceLocation: location)
    }
  }

  /// `batch.pickle` was read by Python's own pickle when it was made.
  @Test func readsWhatPythonReads() throws {
    let bytes = try golden("batch.pickle")
    let batch = try PickledBatch(bytes, path: path)
    #expect(batch.rows == 3)
    #expect(batch.columns == 3072)
    #expect(batch.labels == [6, 9, 0])
    #expect(Array(batch.pixels) == small.pixels)
  }

  /// So the full-sized files of the other tests are what Python reads, too.
  @Test func theTestsWriteTheSameBytes() throws {
    #expect(PickleWriter.batch(small) == (try golden("batch.pickle")))
  }

  @Test func callsAreRefused() {
    // os.system("true") as pickle would store it.
    expectFault(Array("\u{2}cos\nsystem\nU\u{4}true".utf8).pickled([0x85], "R."), "os.system")
    expectFault(Array("\u{2}cbuiltins\neval\nU\u{1}1".utf8).pickled([0x85], "R."), "eval")
  }

  @Test func otherOpcodesAreRefused() {
    // INST, OBJ, NEWOBJ, PERSID, EXT1, NEWOBJ_EX, BINPERSID, NEXT_BUFFER, POP
    for opcode in [0x69, 0x6f, 0x81, 0x50, 0x82, 0x92, 0x51, 0x97, 0x30] as [UInt8] {
      expectFault([0x80, 2, opcode, 0, 0, 0, 0, 0x2e], "opcode 0x\(String(opcode, radix: 16))")
    }
    for version in [0, 1, 6, 255] as [UInt8] {
      expectFault([0x80, version, 0x4e, 0x2e], "protocol \(version)")
    }
    expectFault(Array("(dp0\n.".utf8), "protocol 2 or above")
  }

  @Test func otherValuesAreRefused() {
    expectFault([0x80, 2, 0x4e, 0x2e], "dictionary")
    expectFault([0x80, 2, 0x7d, 0x2e], "labels")
    expectFault([0x80, 2, 0x7d, 0x2e, 0x2e], "bytes follow")
    expectFault([0x80, 2, 0x4e, 0x7d, 0x2e], "left over")
    expectFault([0x80, 2, 0x2e], "missing")
    expectFault([0x80, 2, 0x68, 7, 0x2e], "recalls")
    expectFault([], "empty")
    expectFault(PickleWriter.batch(small, type: "i4"), "data")
    expectFault(PickleWriter.batch(small, fortranOrder: true), "data")
    expectFault(PickleWriter.batch(small, shape: [4, 3072]), "data")
    expectFault(PickleWriter.batch(small, shape: [3072, -1]), "data")
    expectFault(PickleWriter.batch(small, shape: [1 << 31 - 1, 1 << 31 - 1]), "data")
  }

  @Test func everyBeginningOfAFileIsRefused() throws {
    let bytes = try golden("batch.pickle")
    for length in Array(0..<400) + Array((bytes.count - 400)..<bytes.count) {
      #expect(fault(Array(bytes[0..<length]))?.code == .badData, "\(length) bytes")
    }
  }

  @Test func damagedBytesNeverTrap() throws {
    let bytes = try golden("batch.pickle")
    let frame = Array(0..<260) + Array((bytes.count - 90)..<bytes.count)
    var random = RandomSequence(seed: 1, purpose: .syntheticImages)
    for _ in 0..<3000 {
      var damaged = bytes
      for _ in 0...random.below(3) {
        damaged[frame[random.below(frame.count)]] = UInt8(random.below(256))
      }
      if let error = fault(damaged) { #expect(error.code == .badData) }
    }
  }

  /// Values inside values inside values: what has no meaning here takes no stack either.
  @Test func deepNestingIsNoHarm() {
    let depth = 100_000
    let tuples = [0x80, 2, 0x4e] + [UInt8](repeating: 0x85, count: depth) + [0x2e]
    expectFault(tuples, "dictionary")
    let lists =
      [0x80, 2] + [UInt8](repeating: 0x5d, count: depth)
      + [UInt8](repeating: 0x61, count: depth - 1) + [0x2e]
    expectFault(lists, "dictionary")
    let entry: [UInt8] = [0x7d, 0x55, 0]
    let dictionaries =
      [0x80, 2] + (0..<depth).flatMap { _ in entry } + [0x7d]
      + [UInt8](repeating: 0x73, count: depth) + [0x2e]
    expectFault(dictionaries, "labels")
    var reader = PickleReader(bytes: [0x80, 2, 0x4e, 0x85, 0x85, 0x2e], path: path, mostOpcodes: 4)
    #expect(failure { try reader.read() }?.message.contains("more than 4 opcodes") == true)
  }

  /// Small files that would be gigabytes if what is recalled were copied.
  @Test func whatIsMadeIsInProportionToTheFile() async {
    await #expect(processExitsWith: .success) {
      let start = [0x80, 2] as [UInt8]
      let count = 20_000
      func repeated(_ bytes: [UInt8]) -> [UInt8] { (0..<count).flatMap { _ in bytes } }
      let text = [0x58, 0x20, 0x4e, 0, 0] + [UInt8](repeating: 0x61, count: count)
      let encode = Array("c_codecs\nencode\nq\u{1}".utf8)
      let files: [[UInt8]] = [
        // A list is appended to itself; a tuple is made of itself, twice each time.
        start + [0x5d, 0x71, 0] + repeated([0x68, 0, 0x61]) + [0x2e],
        start + [0x4e, 0x71, 0] + repeated([0x68, 0, 0x86, 0x71, 0]) + [0x2e],
        // A dictionary gets one entry after the other, and is stored in between.
        start + [0x7d] + repeated([0x55, 1, 0x61, 0x4e, 0x73, 0x94]) + [0x2e],
        // A text is encoded again and again.
        start + text + [0x71, 0] + encode
          + [0x58, 6, 0, 0, 0] + Array("latin1".utf8) + [0x71, 2, 0x28]
          + repeated([0x68, 1, 0x68, 0, 0x68, 2, 0x86, 0x52]) + [0x74, 0x2e],
        // Marks without end.
        start + repeated([0x28]) + [0x2e],
        start + repeated([0x5d, 0x94]) + [0x2e],
      ]
      // The most memory there was, in MB, and the processor's time, in seconds.
      func used() -> (memory: Int, time: Int) {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return (usage.ru_maxrss / 1024, usage.ru_utime.tv_sec)
      }
      let before = used()
      for file in files { #expect(throws: CifarError.self) { try PickledBatch(file, path: "x") } }
      let after = used()
      #expect(after.memory - before.memory < 60, "\(after.memory - before.memory) MB")
      #expect(after.time - before.time < 60, "\(after.time - before.time) s")
    }
  }

  /// `make_repickled_golden.py` made them with the Python and the NumPy of their names.
  @Test func readsWhatPythonPickledAgain() throws {
    let expected = noise(42, count: 2 * 3072)
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasPrefix("repickled-") }
    #expect(files.count == 9)
    for file in files {
      let batch = try PickledBatch(try golden(file), path: file)
      #expect(batch.rows == 2 && batch.columns == 3072, "\(file)")
      #expect(batch.labels == [6, 9], "\(file)")
      #expect(Array(batch.pixels) == expected, "\(file)")
    }
  }

  @Test func damagedRepickledBytesNeverTrap() throws {
    for file in [
      "repickled-3.13-numpy2-p2-str-array.pickle", "repickled-3.9-numpy1-p5-str-list.pickle",
    ] {
      let bytes = try golden(file)
      var random = RandomSequence(seed: 3, purpose: .syntheticImages)
      for _ in 0..<500 {
        var damaged = bytes
        for _ in 0...random.below(3) {
          let place = random.below(500)
          damaged[random.below(2) == 0 ? place : bytes.count - 1 - place] = UInt8(random.below(256))
        }
        if let error = fault(damaged) { #expect(error.code == .badData) }
      }
    }
  }

  @Test func aFullFileOfWrongLengthsIsRefused() throws {
    let directory = try TemporaryDirectory()
    let file = directory.file("test_batch")
    var short = BatchContent(
      pixels: [UInt8](repeating: 1, count: 9_999 * 3072),
      labels: [Int](repeating: 1, count: 9_999))
    for (labels, rows) in [(9_999, 9_999), (9_999, 10_000), (10_001, 10_000)] {
      short.labels = [Int](repeating: 1, count: labels)
      short.pixels = [UInt8](repeating: 1, count: rows * 3072)
      try write(PickleWriter.batch(short, shape: [rows, 3072]), to: file)
      let error = failure { try Dataset.open(directory.path, split: .test) }
      #expect(error?.code == .badData)
      for part in [file, "\(labels) labels", "\(rows)×3072", "again"] {
        #expect(error?.message.contains(part) == true, "\(part)")
      }
    }
  }

  @Test(arguments: [10, -1]) func aLabelOutOfRangeIsRefused(label: Int) throws {
    let directory = try TemporaryDirectory()
    let file = directory.file("test_batch")
    var content = BatchContent(
      pixels: [UInt8](repeating: 1, count: 10_000 * 3072),
      labels: [Int](repeating: 1, count: 10_000))
    content.labels[5] = label
    try write(content.python, to: file)
    let error = failure { try Dataset.open(directory.path, split: .test) }
    #expect(error?.code == .badData)
    for part in [file, "label \(label) of image 5", "again"] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
  }
}

extension [UInt8] {
  /// Puts PROTO's opcode in front of the bytes, and others after them.
  fileprivate func pickled(_ more: [UInt8], _ end: String) -> [UInt8] {
    [0x80] + self + more + Array(end.utf8)
  }
}
