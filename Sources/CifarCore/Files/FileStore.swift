import Glibc

/// Whole files, read.
public enum FileStore {
  /// Reads a file or a pipe to its end.
  ///
  /// - Throws: `notFound`, `io`; `badData` for a device.
  public static func read(_ path: String) throws -> [UInt8] {
    var status = stat()
    if stat(path, &status) == 0, DatabaseFile.descriptor(of: status) != nil {
      throw CifarError(.badData, "'\(path)' is an SQLite database, not a checkpoint")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else {
      throw FileFailure.error("open", path, errno, missing: .notFound)
    }
    var bytes: [UInt8] = []
    // What turns out to be a database is not closed: that would drop its locks.
    defer { DatabaseFile.close(descriptor, start: Array(bytes.prefix(100))) }
    guard fstat(descriptor, &status) == 0 else { throw FileFailure.error("read", path, errno) }
    if status.st_mode & S_IFMT == S_IFDIR { throw FileFailure.error("read", path, EISDIR) }
    guard [S_IFREG, S_IFIFO].contains(status.st_mode & S_IFMT) else {
      throw CifarError(.badData, "'\(path)' is a device, not a file")
    }
    let buffer = try AlignedBuffer<UInt8>(count: 1 << 20)
    while true {
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
