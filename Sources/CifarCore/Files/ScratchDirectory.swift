import Glibc

/// A directory of its own, removed with all that is in it when the object goes.
public final class ScratchDirectory {
  /// Absolute if `parent` is.
  public let path: String

  /// - Parameter parent: where to make it; nil for `$TMPDIR` or the system's place.
  public init(in parent: String? = nil) throws {
    let place = try parent ?? EnvironmentVariable.temporaryDirectory.text() ?? ""
    var template = Array("\(place.isEmpty ? P_tmpdir : place)/.cifar-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw FileFailure.error("make a directory in", place.isEmpty ? P_tmpdir : place, errno)
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { ScratchDirectory.remove(path) }

  /// The names in a directory, without `.` and `..`, sorted; none where it can't be read.
  public static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Links are removed, not followed.
  private static func remove(_ path: String) {
    for name in names(in: path) {
      var status = stat()
      let child = "\(path)/\(name)"
      if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        remove(child)
      } else {
        unlink(child)
      }
    }
    rmdir(path)
  }
}
