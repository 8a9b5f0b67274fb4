import CSQLite
import CifarCore
import Glibc

/// Turns what SQLite reports into the library's errors: one line that names the file and a remedy.
enum DatabaseError {
  /// - Parameters:
  ///   - code: SQLite's extended result code.
  ///   - detail: SQLite's own message.
  ///   - systemError: what the system said to the call that failed; 0 where that is not known.
  ///   - holder: who has the lock that could not be had, where that is known.
  static func error(
    code: Int32, detail: String, path: String, systemError: Int32 = 0, holder: String? = nil
  ) -> CifarError {
    switch code {
    case _ where lockFailures.contains(code) && lockless.contains(systemError):
      return CifarError(
        .unsupported,
        "\(path) lies on a file system without locks (\(String(cString: strerror(systemError)))): "
          + "several processes at once would damage it; put the registry on another file system, or "
          + "mount this one with locks")
    case _ where code & 0xff == SQLITE_IOERR && systemError == EFBIG:
      return CifarError(
        .diskFull,
        "\(path) cannot grow: the process may not write files that large (ulimit -f); raise the "
          + "limit, then resume the run")
    case SQLITE_READONLY | (4 << 8):  // SQLITE_READONLY_DBMOVED
      return CifarError(
        .io, "\(path) was moved or deleted while in use; put it back, or start again")
    case SQLITE_BUSY | (1 << 8):  // SQLITE_BUSY_RECOVERY
      return busy(path, holder)
    case SQLITE_IOERR | (23 << 8):  // SQLITE_IOERR_DELETE_NOENT
      return CifarError(
        .io,
        "\(path) cannot be written (\(detail), SQLite code \(code)): its journal was deleted by "
          + "another writer that did not see the lock; the locks of another SQLite in this process "
          + "are dropped where anything in the process opens and closes the file by hand; leave "
          + "that out, then look with: cifar-runs verify")
    case SQLITE_READONLY | (3 << 8), SQLITE_READONLY | (1 << 8):  // _ROLLBACK, _RECOVERY
      return CifarError(
        .io,
        "\(path) was being written when its writer was killed, and must be put right by its journal "
          + "(\(path)-journal), which is impossible where neither may be written; copy both to a place "
          + "that can be written and open the copy")
    default: break
    }
    switch code & 0xff {
    case SQLITE_ERROR where detail.hasPrefix("no such column") || detail.hasPrefix("no such table"):
      // The library's queries name only what its own tables have.
      return CifarError(
        .badData,
        "\(path) has \(detail): a table is not as the library makes it; cifar-runs verify tells "
          + "which; restore a backup")
    case SQLITE_BUSY, SQLITE_LOCKED: return busy(path, holder)
    case SQLITE_FULL:
      return CifarError(
        .diskFull,
        "the disk is full: \(path) cannot grow; free some space, then repeat the command, or resume "
          + "the run"
      )
    case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
      return CifarError(
        .io,
        "\(path) cannot be written (\(detail)); check the permissions of the file and of its "
          + "directory")
    case SQLITE_CANTOPEN:
      let log = path + "-wal"
      if access(log, F_OK) == 0 {
        return CifarError(
          .io,
          "\(path) cannot be opened with '\(log)', the write-ahead log of another database or of an "
            + "older state of this one, beside it; move that file away")
      }
      return CifarError(
        .io, "\(path) cannot be opened (\(detail)); check that it is a file and its permissions")
    case SQLITE_IOERR:
      return CifarError(
        .io, "\(path) cannot be read or written (\(detail), SQLite code \(code)); check the disk")
    case SQLITE_NOTADB: return notARegistry(path, "it is not an SQLite file")
    case SQLITE_CORRUPT:
      return CifarError(
        .badData,
        "\(path) is damaged (\(detail)); restore a backup, or salvage what is left with "
          + "sqlite3's .recover")
    case SQLITE_NOMEM: return CifarError(.outOfMemory, "no memory left to work on \(path)")
    case SQLITE_TOOBIG:
      return CifarError(
        .badData,
        "a value of \(path), stored or to be stored, is longer than "
          + "\(Connection.longestValue >> 20) MiB")
    default:
      return CifarError(.database, "\(path): \(detail) (SQLite code \(code))")
    }
  }

  /// SQLITE_IOERR_UNLOCK, _RDLOCK, _CHECKRESERVEDLOCK and _LOCK.
  static let lockFailures = [8, 9, 14, 15].map { SQLITE_IOERR | ($0 << 8) }
  /// What systems say where there are no locks: network file systems without their lock service,
  /// and those of user space.
  private static let lockless = [ENOLCK, EINVAL, ENOSYS, EOPNOTSUPP]

  static func notARegistry(_ path: String, _ reason: String) -> CifarError {
    CifarError(
      .foreignDatabase,
      "\(path) is not a run registry: \(reason); it was left untouched, give "
        + "another path")
  }

  static func busy(_ path: String, _ holder: String? = nil) -> CifarError {
    let who = holder ?? "another process"
    let advice = holder == nil ? "see which one has it open" : "see what it does"
    return CifarError(
      .busy, "\(path) is held by \(who); try again, or \(advice)", isTransient: true)
  }
}
