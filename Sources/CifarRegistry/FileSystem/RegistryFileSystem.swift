import CSQLite
import CifarCore
import Glibc

/// SQLite's view of the file system in this library: SQLite's own, but for the database file itself,
/// which is locked as `RegistryLock` says.
enum RegistryFileSystem {
  /// What connections open through. Not the default, so that the host's own databases are left as
  /// they are.
  private static let name: StaticString = "cifar"
  private static let isRegistered = ProcessLock(.fileSystem, false)
  /// SQLite's own, written once, before the first file is opened.
  nonisolated(unsafe) private static var system: UnsafeMutablePointer<sqlite3_vfs>?

  /// The name, once SQLite knows it.
  /// - Throws: `outOfMemory`; `unsupported` where SQLite was built for another kind of system.
  static func registered() throws -> String {
    try isRegistered.withLock { isRegistered in
      if isRegistered { return }
      let code = sqlite3_initialize()
      guard code == SQLITE_OK else {
        throw DatabaseError.error(
          code: code, detail: String(cString: sqlite3_errstr(code)), path: "the registry")
      }
      guard let found = sqlite3_vfs_find("unix") else {
        throw CifarError(
          .unsupported, "the system's SQLite has no file system layer 'unix' to build on")
      }
      system = found
      SQLiteMutexes.guardForks()
      guard sqlite3_vfs_register(made(from: found.pointee), 0) == SQLITE_OK else {
        throw CifarError(.outOfMemory, "no memory left to prepare SQLite for the registry")
      }
      isRegistered = true
    }
    return name.description
  }

  private static func made(from base: sqlite3_vfs) -> UnsafeMutablePointer<sqlite3_vfs> {
    let added = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    added.initialize(to: base)
    added.pointee.pNext = nil
    added.pointee.zName = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    added.pointee.szOsFile = max(base.szOsFile, Int32(MemoryLayout<RegistryFile>.stride))
    added.pointee.xOpen = { _, path, file, flags, given in
      guard let system = RegistryFileSystem.system, let file else { return SQLITE_MISUSE }
      file.pointee.pMethods = nil
      guard flags & SQLITE_OPEN_MAIN_DB != 0, let path else {
        return system.pointee.xOpen(system, path, file, flags, given)
      }
      return RegistryFileSystem.open(path, file, flags, given)
    }
    added.pointee.xDelete = {
      RegistryFileSystem.system?.pointee.xDelete(RegistryFileSystem.system, $1, $2) ?? SQLITE_MISUSE
    }
    added.pointee.xAccess = {
      RegistryFileSystem.system?.pointee.xAccess(RegistryFileSystem.system, $1, $2, $3)
        ?? SQLITE_MISUSE
    }
    added.pointee.xFullPathname = {
      RegistryFileSystem.system?.pointee.xFullPathname(RegistryFileSystem.system, $1, $2, $3)
        ?? SQLITE_MISUSE
    }
    added.pointee.xGetLastError = { _, _, _ in errno }
    return added
  }

  private static func open(
    _ path: UnsafePointer<CChar>, _ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32,
    _ given: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    var mode = flags & SQLITE_OPEN_READWRITE != 0 ? O_RDWR : O_RDONLY
    if flags & SQLITE_OPEN_CREATE != 0 { mode |= O_CREAT }
    if flags & SQLITE_OPEN_EXCLUSIVE != 0 { mode |= O_EXCL | O_NOFOLLOW }
    var descriptor = DatabaseDescriptors.open(path, mode, mode: 0o644)
    var granted = flags
    if descriptor < 0, mode & O_RDWR != 0, errno != EISDIR, flags & SQLITE_OPEN_EXCLUSIVE == 0 {
      descriptor = DatabaseDescriptors.open(path, O_RDONLY, mode: 0)
      granted = flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) | SQLITE_OPEN_READONLY
    }
    guard descriptor >= 0 else { return SQLITE_CANTOPEN }
    UnsafeMutableRawPointer(file).initializeMemory(
      as: RegistryFile.self, to: RegistryFile(descriptor: descriptor, name: path))
    given?.pointee = granted
    return SQLITE_OK
  }
}
