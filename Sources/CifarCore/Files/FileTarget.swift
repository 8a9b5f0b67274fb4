import Glibc

/// Where a path leads that a file is to be written to, found out as `cp` does: symbolic links are
/// followed and stay, a dangling one names the file to create.
struct FileTarget {
  enum Content {
    /// Nothing yet.
    case nothing
    /// A regular file, to be replaced by a new one.
    case file(stat)
    /// A device, a pipe, or what another process has open: written to as it is.
    case stream(stat)
  }

  /// As the caller named it, for messages.
  let path: String
  /// After all links have been followed.
  let directory: String
  let name: String
  let content: Content

  /// - Throws: `invalidArgument` for a directory, a registry, a name that SQLite needs beside a
  ///   database, and a file of another kind unless `force`; `io`.
  init(_ path: String, kind: FileKind, force: Bool) throws {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw CifarError(
        .invalidArgument, "the path of \(kind.name) is empty or holds a NUL character")
    }
    self.path = path
    var status = stat()
    let exists = stat(path, &status) == 0
    if !exists, errno != ENOENT { throw FileFailure.error("write", path, errno) }
    if exists, status.isDirectory { throw FileTarget.isDirectory(path, kind) }
    let (last, isInProcess) = try FileTarget.follow(path)
    (directory, name) = FileTarget.split(last)
    guard !name.isEmpty else { throw FileTarget.isDirectory(path, kind) }
    try DatabaseCompanion.refuse(last, for: kind.name)
    guard exists else {
      content = .nothing
      return
    }
    let isRegular = status.isRegular
    if isRegular { try FileTarget.check(last, path, status, kind, force) }
    content = isRegular && !isInProcess ? .file(status) : .stream(status)
  }

  /// Checks a file that would be lost.
  private static func check(
    _ place: String, _ path: String, _ status: stat, _ kind: FileKind, _ force: Bool
  ) throws {
    // Whoever took the right to write from a file does not want another in its place.
    guard access(place, W_OK) == 0 else { throw FileFailure.error("write", path, errno) }
    // An empty file is what `mktemp` makes. Not opened: a database begins as one.
    if status.st_size == 0 { return }
    let start = try File.start(of: place, named: path)
    if DatabaseFile.isRegistry(start) {
      throw CifarError(
        .invalidArgument, "'\(path)' is a registry of runs; \(kind.name) is not written over it")
    }
    if DatabaseFile.isJournal(start) {
      throw CifarError(
        .invalidArgument,
        "'\(path)' is the journal of an SQLite database; \(kind.name) is not written over it")
    }
    guard force || kind.matches(start) else {
      throw CifarError(
        .invalidArgument,
        "'\(path)' exists and is not \(kind.name); give another name, or remove it first")
    }
  }

  /// The end of a chain of symbolic links, and whether it went through `/proc/…/fd`.
  private static func follow(_ path: String) throws -> (String, Bool) {
    var current = path
    // As many as the kernel follows.
    for _ in 0...40 {
      guard let link = try target(ofLink: current) else { return (current, false) }
      let (directory, _) = split(current)
      if isProcess(directory) { return (current, true) }
      current = link.hasPrefix("/") ? link : directory + "/" + link
    }
    throw FileFailure.error("write", path, ELOOP)
  }

  private static func target(ofLink path: String) throws -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink(path, &bytes, bytes.count - 1) > 0 else { return nil }
    if let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) { return text }
    throw CifarError(
      .invalidArgument,
      "'\(path)' leads to '\(SystemText.escaped(bytes).excerpt)', which is not UTF-8; give another "
        + "name")
  }

  /// Links there name what is open, whatever their text is.
  private static func isProcess(_ directory: String) -> Bool {
    var status = stat()
    var processes = stat()
    return stat(directory, &status) == 0 && stat("/proc", &processes) == 0
      && status.st_dev == processes.st_dev
  }

  /// Directory and last part of a path; the part is empty where the path ends with a slash.
  private static func split(_ path: String) -> (String, String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let directory = path[..<slash]
    return (
      directory.isEmpty ? "/" : String(directory), String(path[path.utf8.index(after: slash)...])
    )
  }

  private static func isDirectory(_ path: String, _ kind: FileKind) -> CifarError {
    CifarError(
      .invalidArgument, "'\(path)' is a directory; name the file in it that \(kind.name) goes to")
  }
}
