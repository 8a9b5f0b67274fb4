import CSQLite
import CifarCore

/// SQLite's own locks of the whole process: of its allocator, its list of open files and so on.
///
/// SQLite does not know of fork. A child that is made while another thread is inside SQLite would
/// wait for ever for the locks that this thread held. NULL, in an SQLite without threads, is no lock.
enum SQLiteMutexes {
  /// In the order in which SQLite itself takes them: the allocator's is taken while any other is
  /// held.
  nonisolated(unsafe) private static let all = [
    SQLITE_MUTEX_STATIC_MASTER, SQLITE_MUTEX_STATIC_OPEN, SQLITE_MUTEX_STATIC_VFS1,
    SQLITE_MUTEX_STATIC_VFS2, SQLITE_MUTEX_STATIC_VFS3, SQLITE_MUTEX_STATIC_PRNG,
    SQLITE_MUTEX_STATIC_LRU, SQLITE_MUTEX_STATIC_PMEM, SQLITE_MUTEX_STATIC_MEM,
  ].map { sqlite3_mutex_alloc($0) }

  /// To be called once, after `sqlite3_initialize`.
  static func guardForks() {
    _ = all
    ForkLocks.register(
      .sqlite,
      .init(
        lock: { for mutex in all { sqlite3_mutex_enter(mutex) } },
        unlock: { for mutex in all.reversed() { sqlite3_mutex_leave(mutex) } }))
  }
}
