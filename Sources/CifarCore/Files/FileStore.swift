import Glibc

/// Whole files, read.
public enum FileStore {
  /// Reads a file or a pipe to its end.
  ///
  /// - Parameter check: looks at the first MiB, or all there is, before the rest is read; gets the
  ///   file's size too, nil for a pipe.
  /// - Throws: `notFound`, `io`; `badData` for a device; what `check` throws.
  public static func read(
    _ path: String, check: (_ start: [UInt8], _ size: Int?) throws -> Void = { _, _ in }
  ) throws -> [UInt8] {
    let descriptor = uninterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) }
    guard descriptor >= 0 else {
      throw FileFailure.error("open", path, errno, missing: .notFound)
    }
    var bytes: [UInt8] = []
    // What turns out to be a database is not closed: that would drop its locks.
    defer { DatabaseFile.close(descriptor, start: Array(bytes.prefix(100))) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure.error("read", path, errno) }
    if status.st_mode & S_IFMT == S_IFDIR { throw FileFailure.error("read", path, EISDIR) }
    guard [S_IFREG, S_IFIFO].contains(status.st_mode & S_IFMT) else {
      throw CifarError(.badData, "'\(path)' is a device, not a file")
    }
    let size = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    let buffer = try AlignedBuffer<UInt8>(count: 1 << 20)
    var isChecked = false
    while true {
      if !isChecked, bytes.count >= min(size ?? buffer.count, buffer.count) {
        try check(bytes, size)
        isChecked = true
      }
      let got = Glibc.read(descriptor, buffer.pointer, buffer.count)
      if got == 0 { return bytes }
      if got > 0 {
        try bytes.append(securedContentsOf: buffer.span[0..<got], of: "the bytes of '\(path)'")
      } else if errno != EINTR {
        throw FileFailure.error("read", path, errno)
      }
    }
  }
}
