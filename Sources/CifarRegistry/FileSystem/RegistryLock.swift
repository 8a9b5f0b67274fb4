import CSQLite
import CifarCore
import Glibc

/// SQLite's lock on a database file, held as open-file-description locks.
///
/// SQLite's own locks are POSIX record locks. Those belong to the process: a second copy of SQLite
/// in it (a Python with its own, a program that links one) gets every lock that the first holds,
/// and whoever in the process closes the file drops them all. Locks of the open file description
/// (Linux 3.15) belong to this descriptor alone, and the kernel sets them against POSIX locks, so
/// that every other SQLite, in this process or another, respects them and is respected.
///
/// The bytes and the protocol are those of SQLite's file format ("File Locking And Concurrency In
/// SQLite Version 3", and PENDING_BYTE in the source of os.h).
struct RegistryLock {
  /// SQLITE_LOCK_NONE, _SHARED, _RESERVED, _PENDING or _EXCLUSIVE.
  private(set) var level = SQLITE_LOCK_NONE

  private static let pending: Int64 = 0x4000_0000
  private static let reserved = pending + 1
  private static let sharedFirst = pending + 2
  private static let sharedSize: Int64 = 510

  /// Raises the lock to `wanted`.
  /// - Returns: SQLITE_BUSY if someone else's lock is in the way; the level may then be PENDING,
  ///   which keeps new readers out until the present ones are gone.
  mutating func raise(to wanted: Int32, _ descriptor: Int32) -> Int32 {
    if level >= wanted { return SQLITE_OK }
    if level == SQLITE_LOCK_NONE {
      let code = lockShared(descriptor)
      guard code == SQLITE_OK, wanted > SQLITE_LOCK_SHARED else { return code }
    }
    if wanted == SQLITE_LOCK_RESERVED {
      let code = set(F_WRLCK, RegistryLock.reserved, 1, descriptor)
      if code == SQLITE_OK { level = SQLITE_LOCK_RESERVED }
      return code
    }
    if level < SQLITE_LOCK_PENDING {
      let code = set(F_WRLCK, RegistryLock.pending, 1, descriptor)
      guard code == SQLITE_OK else { return code }
      level = SQLITE_LOCK_PENDING
    }
    guard wanted == SQLITE_LOCK_EXCLUSIVE else { return SQLITE_OK }
    let code = set(F_WRLCK, RegistryLock.sharedFirst, RegistryLock.sharedSize, descriptor)
    if code == SQLITE_OK { level = SQLITE_LOCK_EXCLUSIVE }
    return code
  }

  /// The pending byte is held only while the shared ones are taken: a writer that holds it keeps
  /// readers out.
  private mutating func lockShared(_ descriptor: Int32) -> Int32 {
    let code = set(F_RDLCK, RegistryLock.pending, 1, descriptor)
    guard code == SQLITE_OK else { return code }
    let shared = set(F_RDLCK, RegistryLock.sharedFirst, RegistryLock.sharedSize, descriptor)
    let failure = errno
    let released = set(F_UNLCK, RegistryLock.pending, 1, descriptor)
    if shared == SQLITE_OK {
      level = SQLITE_LOCK_SHARED
      return released
    }
    errno = failure
    return shared
  }

  /// Lowers the lock to SHARED or NONE.
  mutating func lower(to wanted: Int32, _ descriptor: Int32) -> Int32 {
    if level <= wanted { return SQLITE_OK }
    var code = SQLITE_OK
    if wanted == SQLITE_LOCK_SHARED {
      // From write to read in one step: there is no moment without a lock.
      if level == SQLITE_LOCK_EXCLUSIVE {
        code = set(F_RDLCK, RegistryLock.sharedFirst, RegistryLock.sharedSize, descriptor)
      }
      if code == SQLITE_OK { code = set(F_UNLCK, RegistryLock.pending, 2, descriptor) }
    } else {
      code = set(F_UNLCK, 0, 0, descriptor)
    }
    guard code == SQLITE_OK else { return SQLITE_IOERR | (8 << 8) }  // SQLITE_IOERR_UNLOCK
    level = wanted
    return SQLITE_OK
  }

  /// Whether anyone is about to write. nil if the system can't tell.
  func isReserved(_ descriptor: Int32) -> Bool? {
    if level >= SQLITE_LOCK_RESERVED { return true }
    return RegistryLock.isFree(RegistryLock.reserved, 1, descriptor).map { !$0 }
  }

  /// Whether a writer holds the pending byte, that is, waits for readers to go.
  static func isAwaited(_ descriptor: Int32) -> Bool {
    // A lock for reading is refused by a writer's only: readers take the byte for a moment, too.
    OpenFileLock.obstacle(descriptor, to: F_RDLCK, start: pending, length: 1)?.type == F_WRLCK
  }

  /// Whether a write lock could be had; nil if the system can't tell.
  private static func isFree(_ start: Int64, _ length: Int64, _ descriptor: Int32) -> Bool? {
    OpenFileLock.obstacle(descriptor, to: F_WRLCK, start: start, length: length).map {
      $0.type == F_UNLCK
    }
  }

  /// Who else has any lock on the file, as a message names them; nil if nobody, or the system does not
  /// tell.
  static func holder(_ descriptor: Int32) -> String? {
    LockHolder.name(
      of: descriptor, against: F_WRLCK, start: pending, length: sharedFirst + sharedSize - pending)
  }

  private func set(
    _ type: Int32, _ start: Int64, _ length: Int64, _ descriptor: Int32
  ) -> Int32 {
    if OpenFileLock.set(descriptor, type, start: start, length: length) { return SQLITE_OK }
    // SQLITE_IOERR_LOCK
    return OpenFileLock.isTaken(errno) ? SQLITE_BUSY : SQLITE_IOERR | (15 << 8)
  }
}
