import CSQLite
import CifarCore
import Glibc

/// Finds out what lies at a path before it is opened for good.
enum DatabasePath {
  enum Content { case nothing, empty, registry }

  /// `path` in a form that SQLite takes literally: `:memory:`, `file:…` and the empty string mean
  /// something else to it.
  static func literal(_ path: String) throws -> String {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw CifarError(.invalidArgument, "the registry's path is empty or holds a NUL character")
    }
    return path.hasPrefix("/") ? path : "./" + path
  }

  /// How many names (hard links) the file has; 1 for none.
  static func names(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_nlink) : 1
  }

  /// What lies at `path`.
  ///
  /// The file is never opened past SQLite: closing any other descriptor of it would drop the locks
  /// that this process holds through SQLite (POSIX advisory locks). And it is examined as
  /// `immutable`, so that nothing is written beside a file that is not ours: no journal played
  /// back, no `-wal` or `-shm` created.
  /// - Throws: `foreignDatabase` for a file that is anything else than a registry; `io`.
  static func examine(_ path: String) throws -> Content {
    let working = path.hasPrefix("/") ? nil : getcwd(nil, 0)
    defer { free(working) }
    if working == nil, !path.hasPrefix("/"), errno == ENOENT {
      throw CifarError(
        .notFound,
        "the working directory, where \(path) would be, was removed: change to another, or give the "
          + "registry's whole path")
    }
    var status = stat()
    if stat(try literal(path), &status) != 0 {
      switch errno {
      case ENOENT, ENOTDIR: return .nothing
      default:
        throw CifarError(.io, "\(path) cannot be examined: \(String(cString: strerror(errno)))")
      }
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CifarError(.io, "\(path) is not a file; the registry's path must name one")
    }
    if status.st_size == 0 { return .empty }
    do {
      let connection = try Connection(
        opening: "file:" + escaped(try literal(path)) + "?immutable=1", path: path,
        flags: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, timeout: 0)
      return try content(of: connection)
    } catch let error as CifarError where error.code == .badData {
      // Someone may be writing at this very moment: the proper opening waits for locks.
      return .registry
    }
  }

  /// What an open database holds. An SQLite file without any table is as good as an empty one.
  static func content(of connection: Connection) throws -> Content {
    // In one transaction: another process may be creating the registry just now.
    let (application, version, objects) = try connection.atOneMoment {
      (
        try connection.integer("PRAGMA application_id") ?? 0,
        try connection.integer("PRAGMA user_version") ?? 0,
        try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0
      )
    }
    if application == Migrations.applicationID { return .registry }
    if application == 0 && version == 0 && objects == 0 { return .empty }
    throw DatabaseError.notARegistry(
      connection.path, "it is an SQLite file of some other application")
  }

  /// Percent-escapes what has a meaning in a URI.
  private static func escaped(_ path: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"):
        result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
