import CifarCore
import Glibc

/// A file of a data set, read from its beginning to its end.
///
/// It must be a regular file: a pipe would make the caller wait, a device has no end.
struct DataFile: ~Copyable {
  let path: String
  /// Bytes there were when it was opened.
  let size: Int
  private let descriptor: Int32

  /// - Throws: `notFound`, `io`; `badData` for what is no regular file.
  init(_ path: String) throws {
    guard !path.utf8.contains(0) else {
      throw CifarError(.invalidArgument, "a path holds a NUL character: it ends before its end")
    }
    // Without O_NONBLOCK the call waits until someone writes to a pipe.
    let descriptor = uninterrupted {
      open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    }
    guard descriptor >= 0 else {
      let code: CifarError.Code = errno == ENOENT ? .notFound : .io
      throw CifarError(
        code, "can't open '\(path)': \(String(cString: strerror(errno))); download it again")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw CifarError(.badData, "'\(path)' is not a regular file; download it again")
    }
    self.path = path
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// - Throws: `badData` for another size, naming the format where it is a well-known one.
  func require(size expected: Int) throws {
    guard size != expected else { return }
    try refuseForeignFormat()
    let fault = size < expected ? "truncated" : "too long"
    throw CifarError(
      .badData, "'\(path)' is \(fault): \(size) bytes, not \(expected); download it again")
  }

  /// - Throws: `badData` for an archive or a page in place of the file.
  func refuseForeignFormat() throws {
    var start = [UInt8](repeating: 0, count: min(size, ForeignFormat.length))
    let got = start.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    if let fault = ForeignFormat.described(start.prefix(max(0, got))) {
      throw CifarError(.badData, "'\(path)' \(fault)")
    }
  }

  /// Reads the next bytes.
  ///
  /// - Throws: `io`; `badData` if the file ends before `target` is full.
  func read(to target: UnsafeMutableRawBufferPointer) throws {
    var filled = 0
    while filled < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[filled...])
      let got = Glibc.read(descriptor, rest.baseAddress, rest.count)
      if got > 0 {
        filled += got
      } else if got == 0 {
        throw CifarError(
          .badData, "'\(path)' became shorter while it was read; download it again")
      } else if errno != EINTR {
        throw CifarError(.io, "can't read '\(path)': \(String(cString: strerror(errno)))")
      }
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
        .badData, "'\(path)' has \(size) bytes: that is not a CIFAR-10 batch; download it again")
    }
    var bytes = try MemoryNeed.secured(size + 64, for: "the bytes of '\(path)'") {
      [UInt8](repeating: 0, count: size)
    }
    try bytes.withUnsafeMutableBytes { try read(to: $0) }
    return bytes
  }
}
