import CifarCore
import Glibc

/// What has come so far of a file that is being downloaded; a later download continues from there.
///
/// It is hidden, ends in `.cifar-part`, and belongs to one download at a time.
final class PartialDownload {
  let path: String
  private let descriptor: Int32

  /// - Throws: `busy` if another download has it, `io` for what is no regular file.
  init(of file: String, in directory: String) throws {
    let path = "\(directory)/.\(file).cifar-part"
    self.path = path
    descriptor = uninterrupted {
      open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
    }
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      let code = errno
      throw CifarError(
        code == ENOSPC || code == EDQUOT ? .diskFull : .io,
        "can't write '\(path)': \(String(cString: strerror(code)))")
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
      throw CifarError(.io, "can't write '\(path)': it is not a file of a download's; remove it")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      throw CifarError(
        .busy, "another download of \(file) to '\(directory)' is under way; wait for its end")
    }
  }

  deinit { close(descriptor) }

  var size: Int {
    get throws {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw failure() }
      return Int(status.st_size)
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let next = UnsafeRawBufferPointer(rebasing: rest)
      let written = write(descriptor, next.baseAddress, next.count)
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        throw failure()
      }
    }
  }

  func clear() throws {
    guard ftruncate(descriptor, 0) == 0 else { throw failure() }
  }

  func remove() { unlink(path) }

  private func failure() -> CifarError {
    CifarError(
      errno == ENOSPC || errno == EDQUOT ? .diskFull : .io,
      "can't write '\(path)': \(String(cString: strerror(errno)))")
  }
}
