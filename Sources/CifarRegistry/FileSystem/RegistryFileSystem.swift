import CSQLite
import CifarCore
import Glibc

/// SQLite's view of the file system in this library: SQLite's own, but for the database file itself,
/// which is locked as `RegistryLock` says.
enum RegistryFileSystem {
  /// What connections open through. Not the default, so that the host's own databases are left as
  /// they are.
  static let name = "cifar"

  /// The name, once SQLite knows it.
  /// - Throws: `unsupported` where SQLite was built for another kind of system.
  static func registered() throws -> String {
    guard registration == SQLITE_OK else {
      throw CifarError(
        .unsupported, "the system's SQLite has no file system layer 'unix' to build on")
    }
    return name
  }

  private static let registration: Int32 = {
    guard let base = system?.pointee else { return SQLITE_ERROR }
    let added = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    added.initialize(to: base)
    added.pointee.pNext = nil
    added.pointee.zName = UnsafePointer(strdup(name))
    added.pointee.szOsFile = max(
      base.szOsFile, Int32(MemoryLayout<RegistryFile>.stride))
    added.pointee.xOpen = { _, path, file, flags, given in
      guard let system, let file else { return SQLITE_MISUSE }
      file.pointee.pMethods = nil
      guard flags & SQLITE_OPEN_MAIN_DB != 0, let path else {
        return system.pointee.xOpen(system, path, file, flags, given)
      }
      return open(path, file, flags, given)
    }
    added.pointee.xDelete = { system?.pointee.xDelete(system, $1, $2) ?? SQLITE_MISUSE }
    added.pointee.xAccess = { system?.pointee.xAccess(system, $1, $2, $3) ?? SQLITE_MISUSE }
    added.pointee.xFullPathname = {
      system?.pointee.xFullPathname(system, $1, $2, $3) ?? SQLITE_MISUSE
    }
    added.pointee.xGetLastError = { _, _, _ in errno }
    return sqlite3_vfs_register(added, 0)
  }()

  nonisolated(unsafe) private static let system: UnsafeMutablePointer<sqlite3_vfs>? =
    sqlite3_vfs_find("unix")

  private static func open(
    _ path: UnsafePointer<CChar>, _ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32,
    _ given: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    var mode = flags & SQLITE_OPEN_READWRITE != 0 ? O_RDWR : O_RDONLY
    if flags & SQLITE_OPEN_CREATE != 0 { mode |= O_CREAT }
    if flags & SQLITE_OPEN_EXCLUSIVE != 0 { mode |= O_EXCL | O_NOFOLLOW }
    var descriptor = OpenDescriptors.open(path, mode, mode: 0o644)
    var granted = flags
    if descriptor < 0, mode & O_RDWR != 0, errno != EISDIR, flags & SQLITE_OPEN_EXCLUSIVE == 0 {
      descriptor = OpenDescriptors.open(path, O_RDONLY, mode: 0)
      granted = flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) | SQLITE_OPEN_READONLY
    }
    guard descriptor >= 0 else { return SQLITE_CANTOPEN }
    UnsafeMutableRawPointer(file).initializeMemory(
      as: RegistryFile.self, to: RegistryFile(descriptor: descriptor, name: path))
    given?.pointee = granted
    return SQLITE_OK
  }
}
