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
    let program = File.systemText("/proc/\(process)/comm")?.split(separator: "\n").first
    return "another process, \(process)" + (program.map { " (\(String($0).excerpt))" } ?? "")
  }

  /// Looks through the descriptors that this user may see. Of several processes one that has locked
  /// for writing; this one only where there is no other.
  private static func holder(of descriptor: Int32) -> pid_t? {
    var file = stat()
    guard fstat(descriptor, &file) == 0 else { return nil }
    var reader: pid_t?
    var isOwn = false
    for process in ScratchDirectory.names(in: "/proc").compactMap({ pid_t($0) }) {
      for number in ScratchDirectory.names(in: "/proc/\(process)/fd") {
        if process == getpid(), Int32(number) == descriptor { continue }
        var other = stat()
        guard stat("/proc/\(process)/fd/\(number)", &other) == 0, other.st_ino == file.st_ino,
          other.st_dev == file.st_dev,
          let info = File.systemText("/proc/\(process)/fdinfo/\(number)"), info.contains("lock:")
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
}
