import CSQLite
import CifarCore
import Glibc

/// A database file as SQLite's pager sees it: bytes by position, and a lock.
///
/// The layout begins with what SQLite reads of every file, a pointer to its methods. SQLite wants its
/// own error codes, and zeros after the end, so this reads and writes by itself and not as a `File`.
struct RegistryFile {
  private let base: sqlite3_file
  private(set) var descriptor: Int32
  private var lock = RegistryLock()
  private var lastError: Int32 = 0
  private var yieldingRead: YieldingRead?
  /// The name that SQLite opened it by, which lives as long as the file is open.
  private let name: UnsafePointer<CChar>

  /// Asks for the file format's write version: 1 for a rollback journal, 2 for WAL, 0 for an empty
  /// file. SQLite leaves numbers above 100 to programs.
  static let writeVersion: Int32 = 0x4349_4601

  /// Makes reads fail with SQLITE_BUSY as soon as a writer waits for them: a number other than 0
  /// begins such a read, 0 ends it.
  static let yieldsToWriters: Int32 = 0x4349_4602
  /// Asks whether that has happened.
  static let hasYielded: Int32 = 0x4349_4603

  /// Asks for the descriptor.
  static let descriptor: Int32 = 0x4349_4604

  init(descriptor: Int32, name: UnsafePointer<CChar>) {
    base = sqlite3_file(pMethods: UnsafePointer(methods))
    self.descriptor = descriptor
    self.name = name
  }

  // MARK: Bytes

  mutating func read(_ target: UnsafeMutableRawPointer, _ count: Int32, at offset: Int64) -> Int32 {
    if yieldingRead?.mustYield(descriptor) == true { return SQLITE_BUSY }
    var done = 0
    while done < Int(count) {
      let got = pread(descriptor, target + done, Int(count) - done, off_t(offset) + done)
      if got < 0 && errno == EINTR { continue }
      if got < 0 { return fails(SQLITE_IOERR | (1 << 8)) }  // SQLITE_IOERR_READ
      if got == 0 {
        // SQLite wants zeros after the end.
        memset(target + done, 0, Int(count) - done)
        return SQLITE_IOERR | (2 << 8)  // SQLITE_IOERR_SHORT_READ
      }
      done += got
    }
    return SQLITE_OK
  }

  mutating func write(_ source: UnsafeRawPointer, _ count: Int32, at offset: Int64) -> Int32 {
    var done = 0
    while done < Int(count) {
      let put = pwrite(descriptor, source + done, Int(count) - done, off_t(offset) + done)
      if put < 0 && errno == EINTR { continue }
      if put < 0 && errno != ENOSPC && errno != EDQUOT {
        return fails(SQLITE_IOERR | (3 << 8))  // SQLITE_IOERR_WRITE
      }
      if put <= 0 { return fails(SQLITE_FULL) }
      done += put
    }
    return SQLITE_OK
  }

  mutating func truncate(to size: Int64) -> Int32 {
    let failed = uninterrupted { ftruncate(descriptor, off_t(size)) }
    return failed == 0 ? SQLITE_OK : fails(SQLITE_IOERR | (6 << 8))  // SQLITE_IOERR_TRUNCATE
  }

  mutating func sync(onlyData: Bool) -> Int32 {
    let failed = uninterrupted { onlyData ? fdatasync(descriptor) : fsync(descriptor) }
    return failed == 0 ? SQLITE_OK : fails(SQLITE_IOERR | (4 << 8))  // SQLITE_IOERR_FSYNC
  }

  mutating func size(_ size: UnsafeMutablePointer<Int64>) -> Int32 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return fails(SQLITE_IOERR | (7 << 8)) }  // _FSTAT
    size.pointee = Int64(status.st_size)
    return SQLITE_OK
  }

  // MARK: The lock

  mutating func lock(_ level: Int32) -> Int32 { noting(lock.raise(to: level, descriptor)) }

  mutating func unlock(_ level: Int32) -> Int32 { noting(lock.lower(to: level, descriptor)) }

  mutating func checkReserved(_ result: UnsafeMutablePointer<Int32>) -> Int32 {
    guard let isReserved = lock.isReserved(descriptor) else {
      return fails(SQLITE_IOERR | (14 << 8))  // SQLITE_IOERR_CHECKRESERVEDLOCK
    }
    result.pointee = isReserved ? 1 : 0
    return SQLITE_OK
  }

  // MARK: The rest

  mutating func control(_ operation: Int32, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let argument else { return SQLITE_NOTFOUND }
    switch operation {
    case SQLITE_FCNTL_LOCKSTATE: argument.storeBytes(of: lock.level, as: Int32.self)
    case SQLITE_FCNTL_LAST_ERRNO: argument.storeBytes(of: lastError, as: Int32.self)
    case SQLITE_FCNTL_HAS_MOVED: argument.storeBytes(of: hasMoved ? 1 : 0, as: Int32.self)
    case RegistryFile.yieldsToWriters:
      yieldingRead = argument.load(as: Int32.self) == 0 ? nil : YieldingRead()
    case RegistryFile.hasYielded:
      argument.storeBytes(of: yieldingRead?.hasYielded == true ? 1 : 0, as: Int32.self)
    case RegistryFile.descriptor: argument.storeBytes(of: descriptor, as: Int32.self)
    case RegistryFile.writeVersion:
      var byte: UInt8 = 0
      let got = pread(descriptor, &byte, 1, 18)
      guard got >= 0 else { return fails(SQLITE_IOERR | (1 << 8)) }
      argument.storeBytes(of: Int32(byte), as: Int32.self)
    default: return SQLITE_NOTFOUND
    }
    return SQLITE_OK
  }

  /// Whether the name leads to another file by now, or to none.
  private var hasMoved: Bool {
    var here = stat()
    var there = stat()
    return fstat(descriptor, &here) != 0 || stat(name, &there) != 0
      || here.st_ino != there.st_ino || here.st_dev != there.st_dev
  }

  mutating func close() { DatabaseDescriptors.close(descriptor) }

  private mutating func noting(_ code: Int32) -> Int32 {
    if code != SQLITE_OK { lastError = errno }
    return code
  }

  private mutating func fails(_ code: Int32) -> Int32 {
    lastError = errno
    return code
  }
}

/// SQLite's way to them. Version 1: without shared memory, so no WAL, and without memory mapping.
nonisolated(unsafe) private let methods: UnsafeMutablePointer<sqlite3_io_methods> = {
  let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
  methods.initialize(to: sqlite3_io_methods())
  methods.pointee.iVersion = 1
  methods.pointee.xClose = { file in
    opened(file)?.pointee.close()
    file?.pointee.pMethods = nil
    return SQLITE_OK
  }
  methods.pointee.xRead = { file, target, count, offset in
    guard let target else { return SQLITE_MISUSE }
    return opened(file)?.pointee.read(target, count, at: offset) ?? SQLITE_MISUSE
  }
  methods.pointee.xWrite = { file, source, count, offset in
    guard let source else { return SQLITE_MISUSE }
    return opened(file)?.pointee.write(source, count, at: offset) ?? SQLITE_MISUSE
  }
  methods.pointee.xTruncate = { opened($0)?.pointee.truncate(to: $1) ?? SQLITE_MISUSE }
  methods.pointee.xSync = { file, flags in
    opened(file)?.pointee.sync(onlyData: flags & SQLITE_SYNC_DATAONLY != 0) ?? SQLITE_MISUSE
  }
  methods.pointee.xFileSize = { file, size in
    guard let size else { return SQLITE_MISUSE }
    return opened(file)?.pointee.size(size) ?? SQLITE_MISUSE
  }
  methods.pointee.xLock = { opened($0)?.pointee.lock($1) ?? SQLITE_MISUSE }
  methods.pointee.xUnlock = { opened($0)?.pointee.unlock($1) ?? SQLITE_MISUSE }
  methods.pointee.xCheckReservedLock = { file, result in
    guard let result else { return SQLITE_MISUSE }
    return opened(file)?.pointee.checkReserved(result) ?? SQLITE_MISUSE
  }
  methods.pointee.xFileControl = { opened($0)?.pointee.control($1, $2) ?? SQLITE_MISUSE }
  methods.pointee.xSectorSize = { _ in 4096 }
  // A write changes no bytes but its own, also when the power fails: what SQLite's own file system
  // layer promises on Linux.
  methods.pointee.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
  return methods
}()

private func opened(
  _ file: UnsafeMutablePointer<sqlite3_file>?
) -> UnsafeMutablePointer<RegistryFile>? {
  file.map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: RegistryFile.self) }
}
