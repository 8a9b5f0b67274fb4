import CifarCore
import Glibc

/// Where event files lie: a directory for each run within the one that TensorBoard is shown.
public struct EventDirectory {
  public let path: String
  private let host: String

  /// Makes the directory of a run.
  ///
  /// - Parameters:
  ///   - run: the run's id.
  ///   - name: what people call the run.
  ///   - host: where the run was trained.
  /// - Throws: `diskFull`, `io`.
  public init(of run: String, name: String?, host: String, in directory: String) throws {
    try EventDirectory.make(directory)
    // Ids and names come from a file: none of their characters may lead out of the directory.
    let parts = [String(run.prefix(8)), name].compactMap { $0 }.map(EventDirectory.plain)
    path = "\(directory)/\(String(parts.joined(separator: "-").prefix(109)))"
    self.host = EventDirectory.plain(String((host.isEmpty ? "localhost" : host).prefix(64)))
    try EventDirectory.make(path, followsLink: false)
  }

  /// The path of the file of a session that begins then.
  /// - Throws: `io` where a link is in its place.
  public func file(time: Double, suffix: String = "") throws -> String {
    let second = Int(exactly: time.rounded(.down)) ?? 0
    let file = "\(path)/events.out.tfevents.\(second).\(host)\(suffix)"
    try EventDirectory.refuseLink(file)
    return file
  }

  private static func plain(_ text: String) -> String {
    String(text.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "_" })
  }

  /// What is made within the directory stays there: links that others put into it lead elsewhere.
  private static func refuseLink(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return }
    throw CifarError(.io, "can't write '\(path)': it is a link out of the directory; remove it")
  }

  static func make(_ path: String, followsLink: Bool = true) throws {
    var status = stat()
    if !followsLink { try refuseLink(path) }
    guard mkdir(path, 0o777) != 0 else { return }
    let code = errno
    if code == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
    throw CifarError(
      code == ENOSPC ? .diskFull : .io,
      "can't create the directory '\(path)': \(String(cString: strerror(code)))")
  }
}
