import CheckpointFormat
import CifarCore
import Testing

@Suite struct SafeTensorsTests {
  static let tensors = [
    Tensor(name: "b.weight", shape: [2, 3], values: [1, -2, 3.5, .infinity, -0.0, 1e-45]),
    Tensor(name: "a/\"é\"", shape: [], values: [7]),
    Tensor(name: "empty", shape: [3, 0], values: []),
    Tensor(name: "last", shape: [1], values: [.greatestFiniteMagnitude]),
  ]

  @Test func whatIsWrittenComesBack() throws {
    let metadata = ["epoch": "3", "note": "line\nbreak \"quoted\" ü"]
    let bytes = try SafeTensors.encode(Self.tensors, metadata: metadata)
    let file = try SafeTensors.decode(bytes)
    #expect(file.tensors.count == Self.tensors.count)
    for tensor in Self.tensors {
      #expect(file.tensors.contains(tensor), "\(tensor.name)")
    }
    #expect(file.metadata == metadata)
    #expect(try SafeTensors.encode(Self.tensors, metadata: metadata) == bytes)
    // The numbers begin on a multiple of 8 bytes.
    #expect(bytes[0] % 8 == 0)
  }

  /// What a file is given on its way can be taken out again, and nobody sees that it was there.
  @Test func aStringIsAddedAndTakenOut() throws {
    let bytes = try SafeTensors.encode(Self.tensors, metadata: ["epoch": "3"])
    let more = try SafeTensors.setting("run", to: "{\"é\": 1}\n", in: bytes)
    #expect(try SafeTensors.metadata(of: more) == ["epoch": "3", "run": "{\"é\": 1}\n"])
    #expect(try SafeTensors.decode(more).tensors == SafeTensors.decode(bytes).tensors)
    #expect(try SafeTensors.setting("run", to: nil, in: more) == bytes)
    #expect(throws: CifarError.self) { try SafeTensors.setting("run", to: "", in: [1, 2, 3]) }
  }

  @Test func notANumberComesBackToTheBit() throws {
    let odd = Float(bitPattern: 0x7FC1_2345)
    let bytes = try SafeTensors.encode(
      [Tensor(name: "x", shape: [1], values: [odd])], metadata: [:])
    let value = try #require(try SafeTensors.decode(bytes).tensors.first?.values.first)
    #expect(value.bitPattern == odd.bitPattern)
  }

  @Test func anArchiveIsNamed() {
    let gzip: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]
    #expect(throws: CifarError.self) { try SafeTensors.decode(gzip) }
    do { _ = try SafeTensors.decode(gzip) } catch {
      #expect("\(error)".contains("it is a gzip file: unpack it first"), "\(error)")
    }
    do { _ = try SafeTensors.decode(Array("<!doctype html><html>".utf8)) } catch {
      #expect("\(error)".contains("HTML"), "\(error)")
    }
    do { _ = try SafeTensors.decode([0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0, 0, 0]) } catch {
      #expect("\(error)".contains("as torch.save and Keras write theirs"), "\(error)")
    }
    let onnx = Array("\u{8}\u{8}\u{12}\u{7}libcifar".utf8)
    do { _ = try SafeTensors.decode(onnx) } catch {
      #expect("\(error)".contains("more than the file's 12 bytes"), "\(error)")
    }
  }

  @Test func noTensorsAreAFileToo() throws {
    let file = try SafeTensors.decode(SafeTensors.encode([], metadata: [:]))
    #expect(file.tensors.isEmpty && file.metadata.isEmpty)
  }

  @Test func wrongTensorsAreNotWritten() {
    let short = Tensor(name: "x", shape: [2, 2], values: [1])
    #expect(throws: CifarError.self) { try SafeTensors.encode([short], metadata: [:]) }
    let one = Tensor(name: "x", shape: [1], values: [1])
    #expect(throws: CifarError.self) { try SafeTensors.encode([one, one], metadata: [:]) }
  }

  @Test func everyTruncationIsSeen() throws {
    let bytes = try SafeTensors.encode(Self.tensors, metadata: ["a": "b"])
    for count in 0..<bytes.count {
      #expect(code(of: Array(bytes[..<count])) == .badData, "\(count) of \(bytes.count) bytes")
    }
    #expect(code(of: bytes + [0]) == .badData)
  }

  @Test func changedBytesNeverTrap() throws {
    let bytes = try SafeTensors.encode(Self.tensors, metadata: ["a": "b"])
    var random = RandomSequence(seed: 1, purpose: .shuffle)
    for _ in 0..<2_000 {
      var changed = bytes
      for _ in 0...random.below(3) {
        changed[random.below(bytes.count)] = UInt8(random.below(256))
      }
      _ = try? SafeTensors.decode(changed)
    }
  }

  @Test(arguments: [UInt64.max, 1 << 63, 1 << 62, 1_000, 0])
  func absurdHeaderLengths(length: UInt64) {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    #expect(code(of: bytes + [UInt8](repeating: 32, count: 100)) == .badData)
  }

  /// Headers for eight bytes of numbers.
  @Test(arguments: [
    "", "[]", "null", "{\"x\": 1}", "{\"x\": {\"dtype\": \"F32\"}}",
    "{\"__metadata__\": {\"a\": 1}}",
    "{\"x\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}",
    entry("[2]", "[0, 4]"), entry("[2]", "[0]"), entry("[2]", "[0, 8, 8]"), entry("[2]", "[8, 0]"),
    entry("[2]", "[4, 12]"), entry("[2]", "[-8, 0]"), entry("[-1, -2]", "[0, 8]"),
    entry("[0]", "[0, -9223372036854775808]"), entry("[0]", "[1, -9223372036854775808]"),
    entry("[4294967296, 4294967296, 4]", "[0, 8]"), entry("[9223372036854775807]", "[0, 8]"),
    entry("[1e30]", "[0, 8]"), entry("[1.5]", "[0, 6]"), entry("[2]", "[0, 1e300]"),
    // Holes: bytes that belong to no tensor.
    entry("[1]", "[0, 4]"), entry("[1]", "[4, 8]"), "{}",
    // Overlaps: bytes that belong to two.
    "{\"x\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, "
      + "\"y\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}",
    "{\"x\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, "
      + "\"y\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
    // Both: as many bytes as there are, but not each one once.
    "{\"x\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}, "
      + "\"y\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}",
  ])
  func wrongHeaders(header: String) {
    #expect(code(of: Self.file(header)) == .badData)
  }

  @Test(arguments: [("[", 100_000), ("{\"x\":", 10_000)])
  func headersThatOpenAndOpen(opening: String, count: Int) {
    #expect(code(of: Self.file(String(repeating: opening, count: count))) == .badData)
  }

  @Test func otherTypesAreNamed() {
    let header = "{\"x\": {\"dtype\": \"BF16\", \"shape\": [4], \"data_offsets\": [0, 8]}}"
    let error = #expect(throws: CifarError.self) { try SafeTensors.decode(Self.file(header)) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("'x'") == true && error?.message.contains("BF16") == true)
  }

  @Test func aHeaderThatFitsIsRead() throws {
    let file = try SafeTensors.decode(Self.file(Self.entry("[2, 1]", "[0, 8]") + "   "))
    #expect(file.tensors == [Tensor(name: "x", shape: [2, 1], values: [0, 0])])
  }

  private static func entry(_ shape: String, _ offsets: String) -> String {
    "{\"x\": {\"dtype\": \"F32\", \"shape\": \(shape), \"data_offsets\": \(offsets)}}"
  }

  private static func file(_ header: String) -> [UInt8] {
    let json = Array(header.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) } + json
      + [UInt8](repeating: 0, count: 8)
  }

  private func code(of bytes: [UInt8]) -> CifarError.Code? {
    do {
      _ = try SafeTensors.decode(bytes)
      return nil
    } catch {
      return (error as? CifarError)?.code
    }
  }

  @Test func aHeaderIsLookedAtBeforeTheFileIsRead() {
    func start(_ length: UInt64, _ rest: String) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(rest.utf8)
    }
    for (bytes, size) in [
      (start(20 << 20, "{"), 1 << 30), (start(2, "\u{feff}{}"), 13), (start(2, "\0\0"), 10),
      (start(1 << 40, "{}"), 1 << 30), (start(.max, "{}"), 10), ([1, 2], 2),
    ] as [([UInt8], Int)] {
      #expect(throws: CifarError.self) { try SafeTensors.checkStart(bytes, size: size) }
    }
    #expect(throws: Never.self) { try SafeTensors.checkStart(start(2, "{}"), size: 10) }
  }
}
