import CifarCore
import Foundation

@testable import CifarData

/// What one batch file of CIFAR-10 holds.
struct BatchContent {
  /// (count, 3072)
  var pixels: [UInt8]
  var labels: [Int]

  var count: Int { labels.count }

  /// A full batch of images that all differ: noise that repeats, but not with the images.
  static func full(_ seed: UInt32) -> BatchContent {
    let count = CIFAR10Layout.imagesPerBatch
    let period = noise(seed, count: 50_021)
    var pixels: [UInt8] = []
    while pixels.count < count * ImageShape.cifar.count { pixels += period }
    pixels.removeLast(pixels.count - count * ImageShape.cifar.count)
    return BatchContent(
      pixels: pixels,
      labels: (0..<count).map { (Int(seed) + $0 * 7) % 10 })
  }

  /// As the binary version stores it.
  var binary: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * (1 + ImageShape.cifar.count))
    for index in 0..<count {
      bytes.append(UInt8(labels[index]))
      bytes += pixels[(index * ImageShape.cifar.count)..<((index + 1) * ImageShape.cifar.count)]
    }
    return bytes
  }

  /// As the python version stores it.
  var python: [UInt8] { PickleWriter.batch(self) }
}

/// A batch file of the binary version whose images are all black and of class 0. It takes no room on
/// the disk.
func writeBlackBatch(_ path: String, size: Int = 30_730_000) throws {
  guard FileManager.default.createFile(atPath: path, contents: nil) else {
    throw CocoaError(.fileWriteUnknown)
  }
  let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  try file.truncate(atOffset: UInt64(size))
  try file.close()
}

/// Puts down a batch with the opcodes that Python 2 and NumPy used: `make_pickle_golden.py` does the
/// same, and has Python read it.
struct PickleWriter {
  private(set) var bytes: [UInt8] = [0x80, 2]
  private var stored = 0

  mutating func put(_ more: [UInt8]) { bytes += more }
  mutating func put(_ text: String) { bytes += Array(text.utf8) }

  mutating func remember() {
    stored += 1
    put(stored < 256 ? [0x71, UInt8(stored)] : [0x72] + littleEndian(stored, 4))
  }

  mutating func string(_ text: String, remembered: Bool = true) {
    put("U")
    put([UInt8(text.utf8.count)])
    put(text)
    if remembered { remember() }
  }

  mutating func integer(_ value: Int) {
    switch value {
    case 0..<256: put([0x4b, UInt8(value)])
    case 256..<65536: put([0x4d] + littleEndian(value, 2))
    default: put([0x4a] + littleEndian(value, 4))
    }
  }

  mutating func list(_ count: Int, _ write: (inout PickleWriter, Int) -> Void) {
    put("]")
    remember()
    for start in stride(from: 0, to: count, by: 1000) {
      put("(")
      for index in start..<min(count, start + 1000) { write(&self, index) }
      put("e")
    }
  }

  /// NumPy's array of bytes. The options are there to write what it would not.
  mutating func array(
    _ pixels: [UInt8], shape: [Int], type: String = "u1", fortranOrder: Bool = false
  ) {
    put("cnumpy.core.multiarray\n_reconstruct\n")
    remember()
    put("cnumpy\nndarray\n")
    remember()
    put("K\0")
    put([0x85])
    string("b", remembered: false)
    put([0x87])
    put("R")
    remember()
    put("(K\u{1}")
    for size in shape { integer(size) }
    put([0x86])
    put("cnumpy\ndtype\n")
    remember()
    string(type, remembered: false)
    put("K\0K\u{1}")
    put([0x87])
    put("R")
    remember()
    put("(K\u{3}")
    string("|", remembered: false)
    put("NNNJ")
    put([0xff, 0xff, 0xff, 0xff])
    put("J")
    put([0xff, 0xff, 0xff, 0xff])
    put("K\0tb")
    put([fortranOrder ? 0x88 : 0x89])
    put("T")
    put(littleEndian(pixels.count, 4))
    put(pixels)
    put("tb")
  }

  static func batch(
    _ content: BatchContent, shape: [Int]? = nil, type: String = "u1",
    fortranOrder: Bool = false, name: String = "testing batch 1 of 1"
  ) -> [UInt8] {
    var writer = PickleWriter()
    writer.put("}")
    writer.remember()
    writer.put("(")
    writer.string("batch_label")
    writer.string(name)
    writer.string("labels")
    writer.list(content.count) { $0.integer(content.labels[$1]) }
    writer.string("data")
    writer.array(
      content.pixels, shape: shape ?? [content.count, ImageShape.cifar.count], type: type,
      fortranOrder: fortranOrder)
    writer.string("filenames")
    writer.list(content.count) { $0.string("image_\($1).png") }
    writer.put("u.")
    return writer.bytes
  }
}

private func littleEndian(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
