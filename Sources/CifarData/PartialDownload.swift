import CifarCore
import Glibc

/// What has come so far of a file that is being downloaded; a later download continues from there.
///
/// It is hidden, ends in `.cifar-part`, and belongs to one download at a time.
final class PartialDownload {
  let path: String
  private let file: File

  /// - Throws: `busy` if another download has it, `diskFull`, `io`, also for what is no regular file.
  init(of file: String, in directory: String) throws {
    let path = "\(directory)/.\(file).cifar-part"
    self.path = path
    self.file = try File(appendingTo: path, followsLinks: false)
    let status = try self.file.status()
    guard status.isRegular, status.st_nlink == 1 else {
      throw CifarError(.io, "can't write '\(path)': it is not a file of a download's; remove it")
    }
    guard flock(self.file.descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      throw CifarError(
        .busy, "another download of \(file) to '\(directory)' is under way; wait for its end")
    }
  }

  var size: Int { get throws { try file.size() } }

  func append(_ bytes: UnsafeRawBufferPointer) throws { try file.write(bytes) }

  func clear() throws { try file.truncate(to: 0) }

  func remove() { unlink(path) }
}
