import Glibc

extension File {
  // MARK: Bytes

  /// Reads on until `target` is full or the file ends.
  /// - Returns: how many bytes there were.
  public func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    try fill(target) { rest, _ in Glibc.read(descriptor, rest.baseAddress, rest.count) }
  }

  /// Likewise from a place on; where the next `read(into:)` begins stays as it is.
  public func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    try fill(target) { rest, filled in
      pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
    }
  }

  /// The bytes of a range, or those that the file has of it.
  public func bytes(in range: Range<Int>) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    let count = try bytes.withUnsafeMutableBytes { try read(into: $0, at: range.lowerBound) }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  private func fill(
    _ target: UnsafeMutableRawBufferPointer,
    _ read: (_ rest: UnsafeMutableRawBufferPointer, _ filled: Int) -> Int
  ) throws -> Int {
    var filled = 0
    while filled < target.count {
      let got = read(UnsafeMutableRawBufferPointer(rebasing: target[filled...]), filled)
      if got == 0 { break }
      if got > 0 {
        filled += got
      } else if errno != EINTR {
        throw FileFailure.error("read", name, errno)
      }
    }
    return filled
  }

  // MARK: Whole files

  /// Reads a file to its end.
  ///
  /// - Parameters:
  ///   - allowsPipe: whether it may be a pipe, which keeps the caller until someone has written it.
  ///   - check: examines the first MiB, or all there is, before the rest is read; gets the file's size
  ///     too, nil for a pipe.
  /// - Throws: `notFound`, `io`; `badData` for a device or a pipe; what `check` throws.
  public static func contents(
    of path: String, allowsPipe: Bool = false,
    check: (_ start: [UInt8], _ size: Int?) throws -> Void = { _, _ in }
  ) throws -> [UInt8] {
    let file = try File(reading: path, waitsForWriter: allowsPipe)
    let status = try file.status()
    if status.isDirectory { throw FileFailure.error("read", path, EISDIR) }
    guard status.isRegular || status.isPipe && allowsPipe else {
      throw CifarError(.badData, "'\(path)' is a \(status.isPipe ? "pipe" : "device"), not a file")
    }
    let buffer = try AlignedBuffer<UInt8>(count: 1 << 20)
    var bytes: [UInt8] = []
    var got = 0
    repeat {
      got = try file.read(into: UnsafeMutableRawBufferPointer(buffer.span))
      let isFirst = bytes.isEmpty
      try bytes.append(securedContentsOf: buffer.span[0..<got], of: "the bytes of '\(path)'")
      if isFirst { try check(bytes, status.isRegular ? Int(status.st_size) : nil) }
    } while got == buffer.count
    return bytes
  }

  /// The first bytes of a file, as many as a `FileKind` needs.
  static func start(of path: String, named name: String) throws -> [UInt8] {
    try File(reading: path, named: name, to: "examine").bytes(in: 0..<FileKind.prefixLength)
  }

  /// What the system tells in one of its files, such as those of `/proc`; nil if it can't be read.
  package static func systemText(_ path: String) -> String? {
    let descriptor = uninterrupted { Glibc.open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    let file = File(descriptor, named: path, closing: .plain)
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while text.count < 1 << 20 {
      guard let got = try? piece.withUnsafeMutableBytes({ try file.read(into: $0) }) else {
        return nil
      }
      text += piece[..<got]
      if got < piece.count { return String(decoding: text, as: UTF8.self) }
    }
    return nil
  }

  /// Whether two files have the same bytes; false where one can't be read.
  public static func areSame(_ path: String, _ other: String) -> Bool {
    guard let first = try? File(reading: path), let second = try? File(reading: other) else {
      return false
    }
    guard let status = try? first.status(), let otherStatus = try? second.status(),
      status.isRegular, otherStatus.isRegular, status.st_size == otherStatus.st_size
    else { return false }
    var offset = 0
    while offset < Int(status.st_size) {
      let range = offset..<(offset + 1 << 18)
      guard let piece = try? first.bytes(in: range), !piece.isEmpty,
        let otherPiece = try? second.bytes(in: range), piece == otherPiece
      else { return false }
      offset += piece.count
    }
    return true
  }
}
