import Glibc

/// SQLite's files, as far as someone who is about to read or replace a file must know them.
///
/// POSIX locks belong to a process and a file: whoever closes *any* descriptor of the file drops all
/// the locks that the process has on it, those of an SQLite that works in the same process included,
/// ours or the host's. So a descriptor that may be a database's is closed when nobody has a lock on
/// it: see `DatabaseDescriptors`. That happens only where a path is a mistake.
enum DatabaseFile {
  /// Whether a file begins as a database does, or as the journal or log that belongs to one.
  static func isDatabase(_ start: [UInt8]) -> Bool {
    start.starts(with: "SQLite format 3\0".utf8) || isJournal(start)
  }

  /// A rollback journal or a write-ahead log: without it its database may be damaged.
  static func isJournal(_ start: [UInt8]) -> Bool {
    start.starts(with: [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7])
      || start.starts(with: [0x37, 0x7f, 0x06, 0x82])
      || start.starts(with: [0x37, 0x7f, 0x06, 0x83])
  }

  /// Whether it is a registry of runs: `application_id` "CIFR" at byte 68.
  static func isRegistry(_ start: [UInt8]) -> Bool {
    isDatabase(start) && start.count >= 72 && start[68..<72].elementsEqual("CIFR".utf8)
  }

  /// Closes a descriptor, later where that would drop locks.
  static func close(_ descriptor: Int32) {
    guard mayBeDatabase(descriptor) else {
      Glibc.close(descriptor)
      return
    }
    DatabaseDescriptors.adopt(descriptor)
    DatabaseDescriptors.close(descriptor)
  }

  private static func mayBeDatabase(_ descriptor: Int32) -> Bool {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.isRegular else { return false }
    // A database begins as an empty file, and may be locked already.
    if status.st_size == 0 { return true }
    var start = [UInt8](repeating: 0, count: 16)
    let count = start.count
    let got = start.withUnsafeMutableBytes { bytes in
      uninterrupted { Int32(pread(descriptor, bytes.baseAddress, count, 0)) }
    }
    return isDatabase(Array(start.prefix(max(0, Int(got)))))
  }
}
