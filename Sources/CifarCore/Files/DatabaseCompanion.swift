import Glibc

/// The files that SQLite keeps beside a database, under the database's name and an ending.
///
/// SQLite takes whatever is there for its own: a file of another program makes the database
/// unreadable, or is deleted.
public enum DatabaseCompanion {
  private static let endings = [
    ("-journal", "rollback journal"), ("-wal", "write-ahead log"), ("-shm", "shared memory"),
  ]

  /// Refuses a name that SQLite keeps for itself.
  ///
  /// - Parameter content: what is to go there, with its article, for the message.
  /// - Throws: `invalidArgument` if `path` is the name of a file that belongs to a database that is
  ///   there.
  public static func refuse(_ path: String, for content: String) throws {
    for (ending, what) in endings where path.hasSuffix(ending) {
      let database = String(path.dropLast(ending.count))
      guard isDatabase(database) else { continue }
      throw CifarError(
        .invalidArgument,
        "'\(path)' is the name of the \(what) that SQLite keeps for the database '\(database)', "
          + "which could not be opened with \(content) there; give another name")
    }
  }

  private static func isDatabase(_ path: String) -> Bool {
    var status = stat()
    // An empty file is not opened: a database begins as one, and may be locked.
    guard !path.isEmpty, !path.hasSuffix("/"), stat(path, &status) == 0,
      status.isRegular, status.st_size > 0,
      let start = try? File.start(of: path, named: path)
    else { return false }
    return DatabaseFile.isDatabase(start) && !DatabaseFile.isJournal(start)
  }

  /// Examines the files beside a database before it is opened.
  ///
  /// - Parameter name: what messages call the database.
  /// - Throws: `io`, naming the file that is not SQLite's and that SQLite would delete or stumble
  ///   over.
  public static func check(beside database: String, named name: String) throws {
    // SQLite follows links to the database, and keeps its files where they lead.
    let pointer = realpath(database, nil)
    defer { free(pointer) }
    let place = pointer.flatMap { String(validatingCString: $0) } ?? database
    for (ending, what) in endings.dropLast() {
      let path = place + ending
      guard isForeign(path, isJournal: ending == "-journal") else { continue }
      throw CifarError(
        .io,
        "\(name) can't be opened: '\(path)' lies where SQLite keeps the database's \(what), and "
          + "is none; move it away")
    }
  }

  private static func isForeign(_ path: String, isJournal: Bool) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    guard status.isRegular else { return true }
    guard status.st_size > 0 else { return false }
    guard let start = try? File.start(of: path, named: path) else { return false }
    if DatabaseFile.isJournal(start) { return false }
    // After a power cut a journal that was not yet on the disk can be anything that the disk had
    // there before; SQLite sees that it is no journal. Only what is plainly another file is refused.
    return !isJournal || isPlainlyAnotherFile(start)
  }

  /// Whether a file begins as a database, a safetensors file or a text.
  private static func isPlainlyAnotherFile(_ start: [UInt8]) -> Bool {
    if DatabaseFile.isDatabase(start) || FileKind.safetensors.matches(start) { return true }
    return start.allSatisfy { (0x20..<0x7F).contains($0) || (9...13).contains($0) || $0 >= 0x80 }
      && String(validating: start, as: UTF8.self) != nil
  }
}
