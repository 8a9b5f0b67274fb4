import CifarCore
import Glibc

/// A log that a training has open, and its locks on it.
///
/// They are advisory, on two bytes that no log reaches. All that write a log share its *use*, for as
/// long as they may write; starting it over needs that lock alone. Changes are made in *turns*. Where
/// there are no locks everything works without them.
final class CSVLogHold {
  let file: File
  private let process = getpid()

  private static let use = Int64(1) << 61
  private static let turn = use + 1

  /// How often a lock is asked for, 50 ms apart. If a turn is held for longer the line is
  /// appended without it: one that is written at once is whole all the same.
  private static let patience = 200

  /// Opens the file, made if need be.
  init(opening path: String) throws { file = try File(appendingTo: path) }

  /// - Parameter file: it is to get the log's name. nil for one that can't be read.
  init?(taking file: consuming File) {
    self.file = file
    guard fcntl(self.file.descriptor, F_GETFL) & O_ACCMODE == O_RDWR else { return nil }
    isAppending = true
  }

  deinit {
    // A child of fork has the same description: its end must not give back the parent's lock.
    if process == getpid() {
      _ = OpenFileLock.set(descriptor, F_UNLCK, start: CSVLogHold.use, length: 2)
    }
  }

  private var descriptor: Int32 { file.descriptor }

  /// Whether every write goes to the end, wherever that is by then.
  var isAppending: Bool {
    get { fcntl(descriptor, F_GETFL) & O_APPEND != 0 }
    set {
      let flags = fcntl(descriptor, F_GETFL)
      _ = fcntl(descriptor, F_SETFL, newValue ? flags | O_APPEND : flags & ~O_APPEND)
    }
  }

  /// Whether the path leads to this file still.
  func isAt(_ path: String) -> Bool {
    var present = stat()
    guard let own = try? file.status(), stat(path, &present) == 0 else { return false }
    return present.st_ino == own.st_ino && present.st_dev == own.st_dev
  }

  /// Shares the file's use with all others that write it.
  func share() {
    // Another holds it exclusively for a moment only.
    _ = CSVLogHold.patiently {
      OpenFileLock.set(descriptor, F_RDLCK, start: CSVLogHold.use, length: 1)
    }
  }

  /// - Returns: false if others write the file.
  func takeAlone() -> Bool {
    OpenFileLock.set(descriptor, F_WRLCK, start: CSVLogHold.use, length: 1)
      || !OpenFileLock.isTaken(errno)
  }

  /// Who else writes it, as a message names them.
  var user: String? {
    LockHolder.name(of: descriptor, against: F_WRLCK, start: CSVLogHold.use, length: 1)
  }

  func inTurn<Result>(_ body: () throws -> Result) rethrows -> Result {
    _ = CSVLogHold.patiently {
      OpenFileLock.set(descriptor, F_WRLCK, start: CSVLogHold.turn, length: 1)
    }
    defer { _ = OpenFileLock.set(descriptor, F_UNLCK, start: CSVLogHold.turn, length: 1) }
    return try body()
  }

  private static func patiently(_ attempt: () -> Bool) -> Bool {
    for _ in 0..<patience {
      if attempt() { return true }
      guard OpenFileLock.isTaken(errno) else { break }
      usleep(50_000)
    }
    return false
  }
}
