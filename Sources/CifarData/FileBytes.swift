import CifarCore
import Glibc

enum FileBytes {
  /// Larger than any file of the data set: what is above is not one of them.
  private static let largest = 256 << 20

  /// Reads a whole file.
  ///
  /// - Parameter expected: the size that the file must have, if it is known.
  /// - Throws: `notFound`, `io`, or `badData` for a wrong size.
  static func read(_ path: String, expected: Int?) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code: CifarError.Code = errno == ENOENT ? .notFound : .io
      throw CifarError(
        code, "can't open '\(path)': \(String(cString: strerror(errno))); get the data set anew")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw CifarError(.badData, "'\(path)' is not a regular file; get the data set anew")
    }
    let size = Int(status.st_size)
    if let expected, size != expected {
      let fault = size < expected ? "truncated" : "too long"
      throw CifarError(
        .badData,
        "'\(path)' is \(fault): \(size) bytes, not \(expected); get the file anew")
    }
    guard size <= largest else {
      throw CifarError(
        .badData,
        "'\(path)' has \(size) bytes: that is not a CIFAR-10 batch; get the file anew")
    }
    var filled = 0
    var failure: Int32 = 0
    let bytes = try MemoryNeed.secured(size + 64, for: "the bytes of '\(path)'") {
      [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
        while filled < size {
          let got = Glibc.read(descriptor, buffer.baseAddress! + filled, size - filled)
          if got < 0 && errno == EINTR { continue }
          if got <= 0 {
            failure = got < 0 ? errno : EIO
            break
          }
          filled += got
        }
        initialized = filled
      }
    }
    guard filled == size else {
      throw CifarError(.io, "can't read '\(path)': \(String(cString: strerror(failure)))")
    }
    return bytes
  }
}
