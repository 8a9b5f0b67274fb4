import CifarCore
import Glibc

/// Files that commands write for people.
enum TextFile {
  static func write(_ text: String, to path: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0), to: path) }
  }

  /// Writes beside the file and then puts it in its place, so that there is never half a file.
  static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    let part = "\(path).part"
    guard let file = fopen(part, "w") else { throw failure("can't create '\(part)'") }
    let isWritten = fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count
    guard fclose(file) == 0, isWritten, rename(part, path) == 0 else {
      let error = failure("can't write '\(path)'")
      unlink(part)
      throw error
    }
  }

  static func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw failure("can't create the directory '\(path)'")
    }
  }

  private static func failure(_ what: String) -> CifarError {
    CifarError(errno == ENOSPC ? .diskFull : .io, "\(what): \(String(cString: strerror(errno)))")
  }
}
