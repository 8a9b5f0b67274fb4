import Glibc

/// Which process has a lock on a file, for a message to a person.
public enum LockHolder {
  /// As a message names it: "another process, 4711 (python3)", or "another part of this process".
  ///
  /// - Parameters:
  ///   - descriptor: the file, open.
  ///   - type: the lock that could not be had.
  /// - Returns: nil where nobody has one by now, or the system does not tell who.
  public static func name(
    of descriptor: Int32, against type: Int32, start: Int64, length: Int64
  ) -> String? {
    let obstacle = OpenFileLock.obstacle(descriptor, to: type, start: start, length: length)
    guard let obstacle, obstacle.type != F_UNLCK else { return nil }
    // A lock of an open file description has no process.
    let process = obstacle.process > 0 ? obstacle.process : holder(of: descriptor)
    return process.map(name)
  }

  private static func name(_ process: pid_t) -> String {
    if process == getpid() { return "another part of this process" }
    let program = text("/proc/\(process)/comm")?.split(separator: "\n").first
    return "another process, \(process)" + (program.map { " (\(String($0).excerpt))" } ?? "")
  }

  /// Looks through the descriptors that this user may see. Of several processes one that has locked
  /// for writing; this one only where there is no other.
  private static func holder(of descriptor: Int32) -> pid_t? {
    var file = stat()
    guard fstat(descriptor, &file) == 0 else { return nil }
    var reader: pid_t?
    var isOwn = false
    for process in names(in: "/proc").compactMap({ pid_t($0) }) {
      for number in names(in: "/proc/\(process)/fd") {
        if process == getpid(), Int32(number) == descriptor { continue }
        var other = stat()
        guard stat("/proc/\(process)/fd/\(number)", &other) == 0, other.st_ino == file.st_ino,
          other.st_dev == file.st_dev,
          let info = text("/proc/\(process)/fdinfo/\(number)"), info.contains("lock:")
        else { continue }
        if process == getpid() {
          isOwn = true
        } else if info.contains("WRITE") {
          return process
        } else {
          reader = process
        }
      }
    }
    return reader ?? (isOwn ? getpid() : nil)
  }

  private static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }

  /// The start of a file of the system's.
  private static func text(_ path: String) -> String? {
    let descriptor = uninterrupted { open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
  }
}
