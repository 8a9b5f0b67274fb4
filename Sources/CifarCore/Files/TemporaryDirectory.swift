import Glibc

/// A directory of its own, removed with all that is in it when the object goes.
public final class TemporaryDirectory {
  /// Absolute if `parent` is.
  public let path: String

  /// - Parameter parent: where to make it; nil for `$TMPDIR` or the system's place.
  public init(in parent: String? = nil) throws {
    let place = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(place.isEmpty ? P_tmpdir : place)/.cifar-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw FileFailure.error("make a directory in", place, errno)
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { TemporaryDirectory.remove(path) }

  /// Links are removed, not followed.
  private static func remove(_ path: String) {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard name != ".", name != ".." else { continue }
        var status = stat()
        let child = "\(path)/\(name)"
        if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
          remove(child)
        } else {
          unlink(child)
        }
      }
      closedir(directory)
    }
    rmdir(path)
  }
}
