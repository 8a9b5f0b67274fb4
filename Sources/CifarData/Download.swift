import CifarCore
import Glibc

/// Gets the official archive with the system's own curl, md5sum and tar.
public struct Download: Sendable {
  /// One of the published archives.
  public struct Archive: Sendable {
    /// `cifar-10-binary.tar.gz`
    public var file: String
    public var md5: String
    /// The directory that it unpacks to.
    public var directory: String

    public init(file: String, md5: String, directory: String) {
      self.file = file
      self.md5 = md5
      self.directory = directory
    }

    public static let binary = Archive(
      file: "cifar-10-binary.tar.gz", md5: "c32a1d4ab5d03f1284b67883e8d87530",
      directory: "cifar-10-batches-bin")
    public static let python = Archive(
      file: "cifar-10-python.tar.gz", md5: "c58f30108f718f92721af3b95e74349a",
      directory: "cifar-10-batches-py")
    public static let binary100 = Archive(
      file: "cifar-100-binary.tar.gz", md5: "03b5dce01913d631647c71ecec9e9cb8",
      directory: "cifar-100-binary")
    public static let python100 = Archive(
      file: "cifar-100-python.tar.gz", md5: "eb9058c3a382ffc7106e4002c42a8d85",
      directory: "cifar-100-python")
  }

  public var archive: Archive
  /// Where the archive lies on the web: `$CIFAR10_URL`, or the publisher's site.
  public var baseURL: String
  /// Where the data set goes: `$CIFAR10_DIR`, or `~/.cache/cifar10`.
  public var directory: String
  /// Whether curl may draw its progress on standard error.
  public var showsProgress: Bool

  public init(
    archive: Archive = .binary, baseURL: String? = nil, directory: String? = nil,
    showsProgress: Bool = false
  ) {
    self.archive = archive
    self.baseURL =
      baseURL ?? variable("CIFAR10_URL") ?? "https://www.cs.toronto.edu/~kriz"
    self.directory =
      directory ?? variable("CIFAR10_DIR") ?? (variable("HOME") ?? ".") + "/.cache/cifar10"
    self.showsProgress = showsProgress
  }

  /// Downloads, verifies and unpacks the archive; does nothing if the data set is there already.
  ///
  /// A download that breaks off leaves `FILE.part` behind and goes on from there the next time. An
  /// archive with the wrong MD5 sum is removed.
  ///
  /// - Returns: the directory of the batches.
  /// - Throws: `io` if it can't be had or written, `checksumMismatch` for a wrong MD5 sum,
  ///   `unsupported` if curl, md5sum or tar is missing.
  public func run() throws -> String {
    let target = "\(directory)/\(archive.directory)"
    if access(target, F_OK) == 0 { return target }
    try makeDirectory(directory)
    let file = "\(directory)/\(archive.file)"
    if access(file, F_OK) != 0 { try fetch(to: file) }
    let sum = try md5(of: file)
    guard sum == archive.md5 else {
      unlink(file)
      throw CifarError(
        .checksumMismatch,
        "'\(archive.file)' has MD5 \(sum), not \(archive.md5): it was removed; download it again")
    }
    try unpack(file, to: target)
    return target
  }

  private func fetch(to file: String) throws {
    let part = "\(file).part"
    let url = "\(baseURL)/\(archive.file)"
    let progress = showsProgress ? ["--progress-bar"] : ["--silent", "--show-error"]
    let arguments =
      ["curl", "--fail", "--location", "--continue-at", "-", "--retry", "3", "--output", part]
      + progress + [url]
    var status = try ChildProcess.run(arguments)
    // A whole file that was not renamed any more: the server has nothing to add to it.
    if status.exitCode == 22 || status.exitCode == 33, access(part, F_OK) == 0,
      (try? md5(of: part)) == archive.md5
    {
      status.exitCode = 0
    }
    // The server can't give the rest alone: once more from the start.
    if status.exitCode == 33 {
      unlink(part)
      status = try ChildProcess.run(arguments)
    }
    guard status.exitCode == 0 else {
      throw CifarError(
        .io,
        "can't download \(url): \(status.lastErrorLine(or: "curl ended with \(status.exitCode)")); "
          + "run the command again to go on where it stopped")
    }
    guard rename(part, file) == 0 else {
      throw CifarError(.io, "can't rename '\(part)': \(String(cString: strerror(errno)))")
    }
  }

  private func md5(of file: String) throws -> String {
    let result = try ChildProcess.run(["md5sum", file])
    guard result.exitCode == 0, result.output.count >= 32 else {
      throw CifarError(.io, "md5sum can't read '\(file)': \(result.lastErrorLine(or: "no sum"))")
    }
    // A name with a backslash makes md5sum begin its line with one.
    return String(result.output.drop { $0 == "\\" }.prefix(32))
  }

  /// Unpacks beside the target and moves it there whole.
  private func unpack(_ file: String, to target: String) throws {
    let temporary = "\(directory)/.unpacking-\(getpid())"
    try makeDirectory(temporary)
    defer { _ = try? ChildProcess.run(["rm", "-rf", "--", temporary]) }
    let result = try ChildProcess.run(["tar", "-xzf", file, "-C", temporary])
    guard result.exitCode == 0 else {
      throw CifarError(.io, "can't unpack '\(file)': \(result.lastErrorLine(or: "tar failed"))")
    }
    let unpacked = "\(temporary)/\(archive.directory)"
    guard access(unpacked, F_OK) == 0 else {
      throw CifarError(.badData, "'\(file)' holds no directory \(archive.directory)")
    }
    guard rename(unpacked, target) == 0 || access(target, F_OK) == 0 else {
      throw CifarError(.io, "can't create '\(target)': \(String(cString: strerror(errno)))")
    }
    unlink(file)
  }

  private func makeDirectory(_ path: String) throws {
    var prefix = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      prefix += part + "/"
      guard prefix != "/" else { continue }
      if mkdir(prefix, 0o777) != 0 && errno != EEXIST {
        throw CifarError(
          .io, "can't create the directory '\(path)': \(String(cString: strerror(errno)))")
      }
    }
  }
}

/// A variable of the environment; one that is empty counts as not set.
func variable(_ name: String) -> String? {
  guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
  return value
}
