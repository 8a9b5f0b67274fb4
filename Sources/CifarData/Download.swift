import CifarCore
import Glibc

/// Gets the official archive with the system's own curl, md5sum and tar.
public struct Download: Sendable {
  public var archive: Archive
  /// Where the archive lies on the web: `$CIFAR10_URL`, or the publisher's site.
  public var baseURL: String
  /// Where the data set goes: `$CIFAR10_DIR`, or `~/.cache/cifar10`.
  public var directory: String
  /// Whether curl may draw its progress on standard error.
  public var showsProgress: Bool
  /// Is called several times a second while something comes or is unpacked; may throw to end it.
  public var check: @Sendable () throws -> Void = {}
  /// Seconds of silence after which a connection is given up.
  var patience = 15

  /// More than any of the archives has (170 MB): whoever sends more sends something else.
  static let largest = 256 << 20

  /// - Throws: `invalidArgument` for a variable of the environment that is not UTF-8.
  public init(
    archive: Archive = .binary, baseURL: String? = nil, directory: String? = nil,
    showsProgress: Bool = false
  ) throws {
    self.archive = archive
    self.baseURL =
      try baseURL ?? EnvironmentVariable.downloadURL.text() ?? "https://www.cs.toronto.edu/~kriz"
    self.directory =
      try directory ?? EnvironmentVariable.dataDirectory.text()
      ?? (EnvironmentVariable.home.text() ?? ".") + "/.cache/cifar10"
    self.showsProgress = showsProgress
  }

  /// Downloads, verifies and unpacks the archive; does nothing if the whole data set is there.
  ///
  /// A directory that has some of the files gets the others; a file that is not the published one is
  /// renamed, not lost. A download that breaks off leaves `.FILE.cifar-part` behind and continues from
  /// there, at once or the next time. An archive that was there before is used and stays.
  ///
  /// - Parameter remark: gets a line about each file that was renamed.
  /// - Returns: the directory of the batches, from the root on.
  /// - Throws: `invalidArgument` for a URL of another kind, `io` or `diskFull` if it can't be had or
  ///   written, `checksumMismatch` for a wrong MD5 sum, `busy` while another download is at it,
  ///   `unsupported` if curl, md5sum or tar is missing; what `check` throws.
  public func run(_ remark: (String) -> Void = { _ in }) throws -> String {
    let directory = AbsolutePath.of(self.directory)
    let target = "\(directory)/\(archive.directory)"
    if try archive.isWhole(in: target) { return target }
    try makeDirectory(directory)
    let file = "\(directory)/\(archive.file)"
    if access(file, F_OK) == 0 {
      let sum = try MD5.sum(of: file)
      guard sum == archive.md5 else {
        throw CifarError(
          .checksumMismatch,
          "'\(file)' has MD5 \(sum), not \(archive.md5): it is not the published archive; move it "
            + "away and try again")
      }
      try unpack(file, in: directory, to: target, remark)
      return target
    }
    let part = try PartialDownload(of: archive.file, in: directory)
    try fetch(to: part)
    try unpack(part.path, in: directory, to: target, remark)
    part.remove()
    return target
  }

  // MARK: Getting it

  private func fetch(to part: PartialDownload) throws {
    let url = "\(baseURL)/\(archive.file)"
    guard ["http", "https", "ftp", "file"].contains(url.prefix { $0 != ":" }.lowercased()) else {
      throw CifarError(
        .invalidArgument,
        "the URL '\(url)' begins with none of https://, http://, ftp:// and file://")
    }
    let began = try part.size
    try receive(url, to: part)
    var sum = try MD5.sum(of: part.path)
    if sum != archive.md5, began > 0 {
      // It was the beginning of something else.
      try part.clear()
      try receive(url, to: part)
      sum = try MD5.sum(of: part.path)
    }
    guard sum == archive.md5 else {
      part.remove()
      throw CifarError(
        .checksumMismatch,
        "'\(url)' has MD5 \(sum), not \(archive.md5): what came was removed; download it again")
    }
  }

  /// Asks until the server has sent all, at most three times without getting further.
  private func receive(_ url: String, to part: PartialDownload) throws {
    var failures = 0
    while true {
      let start = try part.size
      let result = try curl(url, from: start, to: part)
      // Ctrl-C ends curl as well.
      try check()
      if result.exitCode == 0 { return }
      // All of it was there: the server has nothing to add.
      if start > 0, [22, 33].contains(result.exitCode), try MD5.sum(of: part.path) == archive.md5 {
        return
      }
      failures = try part.size >= start + 1 << 20 ? 1 : failures + 1
      switch result.exitCode {
      // The server can't give the rest alone: once more from the start.
      case 33 where failures < 3: try part.clear()
      // Broken off, silent, an answer without content, a failure to send or to receive.
      case 18 where failures < 3, 28 where failures < 3, 52 where failures < 3,
        55 where failures < 3, 56 where failures < 3, 92 where failures < 3:
        sleep(1)
      default:
        let reason = result.lastErrorLine(or: "curl ended with \(result.exitCode)")
        throw CifarError(
          .io,
          "can't download \(url): \(reason); run the command again to continue where it stopped")
      }
    }
  }

  private func curl(
    _ url: String, from start: Int, to part: PartialDownload
  ) throws -> ChildProcess.Result {
    let progress = showsProgress ? ["--progress-bar"] : ["--silent", "--show-error"]
    return try ChildProcess.run(
      [
        "curl", "--fail", "--location", "--globoff", "--proto", "=http,https,ftp,file",
        "--proto-redir", "=http,https,ftp", "--connect-timeout", "20", "--speed-limit", "100",
        "--speed-time", "\(patience)", "--max-filesize", "\(Download.largest)", "--continue-at",
        "\(start)",
      ] + progress + ["--url", url], check: check
    ) { bytes in
      guard try part.size + bytes.count <= Download.largest else {
        try part.clear()
        throw CifarError(
          .badData,
          "\(url) sends more than \(Download.largest) bytes: that is not \(archive.file)")
      }
      try part.append(bytes)
    }
  }

  // MARK: Unpacking it

  /// Unpacks an archive whose sum is right, so that it is known what comes out of it, and how much.
  private func unpack(
    _ file: String, in directory: String, to target: String, _ remark: (String) -> Void
  ) throws {
    let scratch = try ScratchDirectory(in: directory)
    let result = try ChildProcess.run(
      ["tar", "-x", "-z", "-o", "-f", "-", "-C", scratch.path], input: File(reading: file),
      check: check)
    try check()
    guard result.exitCode == 0 else {
      throw CifarError(.io, "can't unpack '\(file)': \(result.lastErrorLine(or: "tar failed"))")
    }
    let unpacked = "\(scratch.path)/\(archive.directory)"
    guard try archive.isWhole(in: unpacked), !archive.files.isEmpty else {
      throw CifarError(
        .badData, "'\(file)' holds no directory \(archive.directory) with the data set's files")
    }
    sync()
    if rename(unpacked, target) == 0 { return }
    guard errno == EEXIST || errno == ENOTEMPTY else {
      throw CifarError(.io, "can't create '\(target)': \(String(cString: strerror(errno)))")
    }
    try complete(target, from: unpacked, remark)
  }

  /// Gives a directory the files that it lacks.
  private func complete(
    _ target: String, from unpacked: String, _ remark: (String) -> Void
  ) throws {
    for name in ScratchDirectory.names(in: unpacked) {
      let (new, old) = ("\(unpacked)/\(name)", "\(target)/\(name)")
      var status = stat()
      if lstat(old, &status) == 0 {
        let isFile = stat(old, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        if isFile, try MD5.sum(of: old) == MD5.sum(of: new) { continue }
        let kept = try free("\(old).replaced")
        try move(old, to: kept)
        remark("'\(old)' was not the published file: it is '\(kept)' from now on")
      }
      try move(new, to: old)
    }
    sync()
  }

  private func free(_ path: String) throws -> String {
    var status = stat()
    for number in 1...1000 {
      let name = number == 1 ? path : "\(path)-\(number)"
      if lstat(name, &status) != 0 { return name }
    }
    throw CifarError(.io, "'\(path)' and its numbered names are taken; move some away")
  }

  private func move(_ old: String, to new: String) throws {
    guard rename(old, new) == 0 else {
      throw CifarError(.io, "can't write '\(new)': \(String(cString: strerror(errno)))")
    }
  }

  private func makeDirectory(_ path: String) throws {
    var prefix = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      prefix += part + "/"
      guard prefix != "/" else { continue }
      if mkdir(prefix, 0o777) != 0 && errno != EEXIST {
        throw CifarError(
          errno == ENOSPC ? .diskFull : .io,
          "can't create the directory '\(path)': \(String(cString: strerror(errno)))")
      }
    }
  }
}
