import Glibc

/// A file under a name of its own, in the directory of the file that it is to become.
///
/// Its name is that file's with a dot before it and `.HEX.cifar-part` after it: what a crash leaves
/// is hidden, and known by its end. It is removed with the object unless `commit` was called.
public final class TemporaryFile {
  /// For programs that open files by their names.
  public let path: String
  /// Open for writing.
  private let file: File

  private var target: String
  private var targetName: String
  private let name: String
  private let directory: File
  private var isDone = false

  /// Creates the file for one that does not exist yet.
  ///
  /// - Parameter target: the path that it is to get; links in it are not followed.
  public convenience init(for target: String) throws {
    guard let slash = target.lastIndex(of: "/") else {
      try self.init(in: ".", for: target, named: target, replacing: nil)
      return
    }
    let directory = slash == target.startIndex ? "/" : String(target[..<slash])
    try self.init(
      in: directory, for: String(target[target.index(after: slash)...]), named: target,
      replacing: nil)
  }

  /// - Parameters:
  ///   - targetName: the name that it is to get.
  ///   - target: what messages call it.
  ///   - old: the file that it is to replace: it gets its owner and its permissions.
  init(in directory: String, for targetName: String, named target: String, replacing old: stat?)
    throws
  {
    // A directory that may be written and not read can be named all the same.
    var place = uninterrupted { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    if place < 0, errno == EACCES { place = open(directory, TemporaryFile.pathOnly) }
    guard place >= 0 else {
      throw FileFailure.error("write", target, errno)
    }
    var made: Int32 = -1
    var candidate = ""
    for _ in 0..<16 where made < 0 {
      candidate = TemporaryFile.name(for: targetName)
      made = uninterrupted {
        openat(
          place, candidate, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
          old == nil ? 0o666 : 0o600)
      }
      if made < 0, errno != EEXIST { break }
    }
    let failure = errno
    self.directory = File(place, named: target)
    guard made >= 0 else { throw FileFailure.error("write", target, failure) }
    if let old {
      // Only root may; for others the new file is their own.
      if old.st_uid != geteuid() || old.st_gid != getegid() {
        _ = fchown(made, old.st_uid, old.st_gid)
      }
      fchmod(made, old.st_mode & 0o777)
    }
    file = File(made, named: target)
    name = candidate
    path = directory == "/" ? "/" + candidate : "\(directory)/\(candidate)"
    self.targetName = targetName
    self.target = target
  }

  deinit {
    if !isDone { unlinkat(directory.descriptor, name, 0) }
  }

  /// The file for a writer that does not outlive this object.
  func borrowedFile() -> File { File(file.descriptor, named: target, closing: .never) }

  /// Puts what was written to the disk and gives it its name.
  ///
  /// - Parameter replaces: whether a file of that name may be there.
  /// - Returns: false if one is there and may not be: nothing has happened then.
  public func commit(replaces: Bool) throws -> Bool {
    let directory = directory.descriptor
    try file.sync()
    if replaces {
      guard renameat(directory, name, directory, targetName) == 0 else {
        throw FileFailure.error("write", target, errno)
      }
    } else if try !linkNew() {
      return false
    }
    isDone = true
    if uninterrupted({ fsync(directory) }) != 0, errno != EINVAL, errno != EROFS {
      guard errno == EBADF else {
        throw FileFailure.error("sync the directory of", target, errno)
      }
      // A directory that is open as a path only can't be synced alone.
      sync()
    }
    return true
  }

  /// Likewise under another name of the same directory, where that is free.
  ///
  /// - Parameter path: the whole path.
  public func commit(as path: String) throws -> Bool {
    target = path
    targetName = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    return try commit(replaces: false)
  }

  /// Gives the file its name unless that is taken.
  private func linkNew() throws -> Bool {
    let directory = directory.descriptor
    if linkat(directory, name, directory, targetName, 0) == 0 {
      unlinkat(directory, name, 0)
      return true
    }
    if errno == EEXIST { return false }
    // File systems without hard links (FAT and some network ones): look, then rename.
    var status = stat()
    if fstatat(directory, targetName, &status, AT_SYMLINK_NOFOLLOW) == 0 { return false }
    guard renameat(directory, name, directory, targetName) == 0 else {
      throw FileFailure.error("write", target, errno)
    }
    return true
  }

  /// At most 255 bytes, as file systems have it.
  private static func name(for target: String) -> String {
    let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    var start = target
    while start.utf8.count > 255 - 30 { start.removeLast() }
    return ".\(start).\(digits).cifar-part"
  }

  /// `O_PATH`, which Swift's import of the C library leaves out.
  private static let pathOnly: Int32 = 0o10000000 | O_DIRECTORY | O_CLOEXEC
}
