import CifarCore
import Glibc

/// The commit that is checked out in a directory, read from the repository's own files: nothing is
/// run for it.
public enum GitCommit {
  /// The 40 or 64 digits; nil outside of a repository, before its first commit, and where the
  /// repository's files cannot be read.
  public static func current(in directory: String) -> String? {
    place(of: directory).flatMap { head(of: $0.repository) }
  }

  /// Where the files of the repository that a directory is in lie, and its own; nil for none.
  static func place(of directory: String) -> (root: String, repository: String)? {
    var place = directory
    while true {
      if let repository = repository(at: place + "/.git") {
        return (place.isEmpty ? "/" : place, repository)
      }
      guard let slash = place.lastIndex(of: "/") else { return nil }
      if place == "/" || place.isEmpty { return nil }
      place = String(place[..<slash])
    }
  }

  /// Whether what `place(of:)` found at a directory has a repository's form.
  static func isRepository(_ root: String) -> Bool {
    guard let repository = repository(at: root + "/.git") else { return false }
    return access(repository + "/HEAD", R_OK) == 0
  }

  /// The working directory's path, nil where it is gone.
  public static func workingDirectory() -> String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }

  /// `.git` is a directory, or in a worktree or submodule a file that names one.
  private static func repository(at path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    if status.st_mode & S_IFMT == S_IFDIR { return path }
    // What is neither is taken for a repository that cannot be read, as git takes it.
    guard let line = text(path)?.split(separator: "\n").first, line.hasPrefix("gitdir: ") else {
      return path
    }
    let target = String(line.dropFirst("gitdir: ".count))
    return target.hasPrefix("/") ? target : path.dropLast(".git".count) + target
  }

  private static func head(of repository: String) -> String? {
    guard let line = text(repository + "/HEAD")?.split(separator: "\n").first else { return nil }
    guard line.hasPrefix("ref: ") else { return digits(line) }
    let name = line.dropFirst("ref: ".count)
    // The branches of a worktree lie in the repository that it belongs to.
    let common = text(repository + "/commondir")?.split(separator: "\n").first.map(String.init)
    let root = common.map { $0.hasPrefix("/") ? $0 : repository + "/" + $0 } ?? repository
    if let line = text("\(root)/\(name)")?.split(separator: "\n").first { return digits(line) }
    for line in text(root + "/packed-refs")?.split(separator: "\n") ?? [] {
      let fields = line.split(separator: " ")
      if fields.count == 2, fields[1] == name { return digits(fields[0]) }
    }
    return nil
  }

  private static func digits(_ text: Substring) -> String? {
    let isCommit = [40, 64].contains(text.utf8.count) && text.allSatisfy(\.isHexDigit)
    return isCommit ? String(text) : nil
  }

  /// A file's text; nil if there is none, or none of a repository's own: those are small.
  private static func text(_ path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 1 << 22,
      let bytes = try? File.contents(of: path)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
