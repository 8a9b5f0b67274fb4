import Glibc

/// Whole files, read.
public enum FileStore {
  /// Reads a file to its end.
  ///
  /// - Parameters:
  ///   - allowsPipe: whether it may be a pipe, which keeps the caller until someone has written it.
  ///   - check: looks at the first MiB, or all there is, before the rest is read; gets the file's size
  ///     too, nil for a pipe.
  /// - Throws: `notFound`, `io`; `badData` for a device or a pipe; what `check` throws.
  public static func read(
    _ path: String, allowsPipe: Bool = false,
    check: (_ start: [UInt8], _ size: Int?) throws -> Void = { _, _ in }
  ) throws -> [UInt8] {
    // Without O_NONBLOCK the opening of a pipe waits for a writer.
    let waits = allowsPipe ? 0 : O_NONBLOCK
    let descriptor = uninterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | waits) }
    guard descriptor >= 0 else {
      throw FileFailure.error("open", path, errno, missing: .notFound)
    }
    var bytes: [UInt8] = []
    // What turns out to be a database is not closed: that would drop its locks.
    defer { DatabaseFile.close(descriptor, start: Array(bytes.prefix(100))) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure.error("read", path, errno) }
    if status.st_mode & S_IFMT == S_IFDIR { throw FileFailure.error("read", path, EISDIR) }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFIFO && allowsPipe else {
      throw CifarError(
        .badData, "'\(path)' is a \(kind == S_IFIFO ? "pipe" : "device"), not a file")
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

  /// Whether two files have the same bytes; false where one can't be read.
  public static func areSame(_ path: String, _ other: String) -> Bool {
    var descriptors: [Int32] = []
    defer { for descriptor in descriptors { DatabaseDescriptors.close(descriptor) } }
    var sizes: [off_t] = []
    for path in [path, other] {
      let descriptor = uninterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
      guard descriptor >= 0 else { return false }
      // Databases perhaps: closed when nobody in this process has a lock on them.
      DatabaseDescriptors.adopt(descriptor)
      descriptors.append(descriptor)
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        return false
      }
      sizes.append(status.st_size)
    }
    guard sizes[0] == sizes[1] else { return false }
    var pieces = [[UInt8]](repeating: [UInt8](repeating: 0, count: 1 << 18), count: 2)
    var offset: off_t = 0
    while offset < sizes[0] {
      let counts = descriptors.indices.map { index in
        while true {
          let got = pread(descriptors[index], &pieces[index], pieces[index].count, offset)
          if got >= 0 || errno != EINTR { return got }
        }
      }
      guard counts[0] > 0, counts[0] == counts[1],
        pieces[0][..<counts[0]] == pieces[1][..<counts[0]]
      else { return false }
      offset += counts[0]
    }
    return true
  }
}
