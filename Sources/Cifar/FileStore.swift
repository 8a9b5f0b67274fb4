import CifarCore
import Glibc

/// Whole files, read and written.
public enum FileStore {
  public static func read(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CifarError(
        errno == ENOENT ? .notFound : .io, "can't open '\(path)': \(reason())")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    let buffer = try AlignedBuffer<UInt8>(count: 1 << 20)
    while true {
      let got = Glibc.read(descriptor, buffer.pointer, buffer.count)
      if got == 0 { return bytes }
      if got > 0 {
        try bytes.append(securedContentsOf: buffer.span[0..<got], of: "the bytes of '\(path)'")
      } else if errno != EINTR {
        throw CifarError(.io, "can't read '\(path)': \(reason())")
      }
    }
  }

  /// Writes beside the file and then puts it in its place, so that there is never half a file.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    try write(to: path) { write in try bytes.withUnsafeBytes { try write($0) } }
  }

  /// Likewise, in pieces.
  /// - Parameter body: gets a function that writes the next piece.
  public static func write(
    to path: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let part = "\(path).part"
    let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw CifarError(.io, "can't create '\(part)': \(reason())")
    }
    var isOpen = true
    do {
      try body { try put($0, to: descriptor, path) }
      guard fsync(descriptor) == 0 else { throw failure(path) }
      isOpen = false
      guard close(descriptor) == 0, rename(part, path) == 0 else { throw failure(path) }
    } catch {
      if isOpen { close(descriptor) }
      unlink(part)
      throw error
    }
  }

  private static func put(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
  ) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let next = UnsafeRawBufferPointer(rebasing: rest)
      let written = Glibc.write(descriptor, next.baseAddress, next.count)
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        throw failure(path)
      }
    }
  }

  private static func failure(_ path: String) -> CifarError {
    CifarError(errno == ENOSPC ? .diskFull : .io, "can't write '\(path)': \(reason())")
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
