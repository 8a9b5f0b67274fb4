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
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let got = Glibc.read(descriptor, &buffer, buffer.count)
      if got == 0 { return bytes }
      if got > 0 {
        bytes += buffer[0..<got]
      } else if errno != EINTR {
        throw CifarError(.io, "can't read '\(path)': \(reason())")
      }
    }
  }

  /// Writes beside the file and then puts it in its place, so that there is never half a file.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    let part = "\(path).part"
    let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw CifarError(.io, "can't create '\(part)': \(reason())")
    }
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done)
      }
      if put > 0 { done += put }
      if put < 0 && errno != EINTR { break }
    }
    let written = done == bytes.count && fsync(descriptor) == 0
    let failure = errno
    close(descriptor)
    guard written, rename(part, path) == 0 else {
      let error = written ? errno : failure
      unlink(part)
      throw CifarError(
        error == ENOSPC ? .diskFull : .io,
        "can't write '\(path)': \(String(cString: strerror(error)))")
    }
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
