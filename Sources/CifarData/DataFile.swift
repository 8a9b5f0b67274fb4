import CifarCore
import Glibc

/// A file of a data set, read from its beginning to its end.
///
/// It must be a regular file: a pipe would make the caller wait, a device has no end.
struct DataFile: ~Copyable {
  let path: String
  /// Bytes there were when it was opened.
  let size: Int
  private let file: File

  /// - Parameter remedy: what to do about a file that is not there; nothing for one's own.
  /// - Throws: `notFound`, `io`; `badData` for what is no regular file.
  init(_ path: String, remedy: String = "; download it again") throws {
    let file = try DataFile.open(path, remedy)
    guard let status = try? file.status(), status.isRegular else {
      throw CifarError(.badData, "'\(path)' is not a regular file\(remedy)")
    }
    self.path = path
    self.file = file
    size = Int(status.st_size)
  }

  private static func open(_ path: String, _ remedy: String) throws -> File {
    do {
      return try File(reading: path)
    } catch let error as CifarError where error.code != .invalidArgument {
      throw CifarError(error.code, error.message + remedy)
    }
  }

  /// - Throws: `badData` for another size, naming the format where it is a well-known one.
  func require(size expected: Int) throws {
    guard size != expected else { return }
    try refuseForeignFormat()
    let fault = size < expected ? "truncated" : "too long"
    throw CifarError(
      .badData, "'\(path)' is \(fault): \(size) bytes, not \(expected); download it again")
  }

  /// The first bytes, or all where there are not as many.
  func start(_ count: Int) throws -> [UInt8] { try file.bytes(in: 0..<min(size, count)) }

  /// - Throws: `badData` for an archive or a page in place of the file.
  func refuseForeignFormat() throws {
    let start = (try? file.bytes(in: 0..<min(size, ForeignFormat.length))) ?? []
    if let fault = ForeignFormat.described(start) {
      throw CifarError(.badData, "'\(path)' \(fault)")
    }
  }

  /// Reads the next bytes.
  ///
  /// - Throws: `io`; `badData` if the file ends before `target` is full.
  func read(to target: UnsafeMutableRawBufferPointer) throws {
    guard try file.read(into: target) == target.count else {
      throw CifarError(.badData, "'\(path)' became shorter while it was read; download it again")
    }
  }

  /// Reads records of one length, one after the other, to the file's end.
  ///
  /// - Parameters:
  ///   - count: records that the file must have.
  ///   - body: gets a record's number and its bytes, which are valid for the call only.
  /// - Throws: `badData` for another size than that of `count` records; `io`; what `body` throws.
  func records(
    of length: Int, count: Int, _ body: (Int, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try require(size: length * count)
    var block = [UInt8](repeating: 0, count: length * min(count, 256))
    try block.withUnsafeMutableBytes { block in
      for first in stride(from: 0, to: count, by: 256) {
        let some = min(256, count - first)
        try read(to: UnsafeMutableRawBufferPointer(rebasing: block[..<(some * length)]))
        for index in 0..<some {
          let record = block[(index * length)..<((index + 1) * length)]
          try body(first + index, UnsafeRawBufferPointer(rebasing: record))
        }
      }
    }
  }

  /// Reads the whole file.
  ///
  /// - Parameter largest: what is above is not one of the data set's.
  func bytes(atMost largest: Int) throws -> [UInt8] {
    try refuseForeignFormat()
    guard size <= largest else {
      throw CifarError(
        .badData, "'\(path)' has \(size) bytes, more than any file of a data set; download it again"
      )
    }
    var bytes = try MemoryNeed.secured(size + 64, for: "the bytes of '\(path)'") {
      [UInt8](repeating: 0, count: size)
    }
    try bytes.withUnsafeMutableBytes { try read(to: $0) }
    return bytes
  }
}
