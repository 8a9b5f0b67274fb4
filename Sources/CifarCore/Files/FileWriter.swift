import Glibc

/// The way every file is written: whole, or not at all.
///
/// What is written goes to a name of its own beside the file, to the disk, and then into the file's
/// place. Of several writers to one name at once one is there in the end, whole. An existing file
/// keeps its permissions; a new one gets those that the umask leaves. Devices and pipes are written
/// to as they are. Memory does not grow with the file.
public final class FileWriter {
  private let file: File
  /// Whether it may be a pipe that someone named: its other end may close at any time.
  private let mayBreak: Bool
  private let check: () throws -> Void
  private var buffer: [UInt8] = []

  private static let bufferSize = 1 << 16

  private init(
    _ file: consuming File, mayBreak: Bool = false, check: @escaping () throws -> Void = {}
  ) {
    self.file = file
    self.mayBreak = mayBreak
    self.check = check
    buffer.reserveCapacity(FileWriter.bufferSize)
  }

  /// Writes a file.
  ///
  /// - Parameters:
  ///   - path: links are followed as `cp` follows them.
  ///   - kind: an existing file is replaced if it is empty or of this kind.
  ///   - force: whether any other is replaced too. Directories and registries never are.
  ///   - check: is called before every piece that goes to a regular file; may throw to end it.
  ///   - body: writes the content. Where it throws, the file stays as it was.
  /// - Throws: `invalidArgument` for a file that is not to be replaced, `diskFull`, `io`; what `body`
  ///   throws.
  public static func write(
    to path: String, as kind: FileKind, force: Bool = false,
    check: @escaping () throws -> Void = {}, _ body: (FileWriter) throws -> Void
  ) throws {
    let target = try FileTarget(path, kind: kind, force: force)
    if case .stream(let status) = target.content {
      return try write(toStream: path, status, body)
    }
    var old: stat?
    if case .file(let status) = target.content { old = status }
    let temporary = try TemporaryFile(
      in: target.directory, for: target.name, named: path, replacing: old)
    let writer = FileWriter(temporary.borrowedFile(), check: check)
    try body(writer)
    try writer.flush()
    try commit(temporary, replaces: old != nil, path, kind, force)
  }

  /// Likewise, for what opens files by their names, such as SQLite.
  ///
  /// - Parameter body: gets the path of an empty file in the same directory, to be filled.
  /// - Throws: also `invalidArgument` for a device or a pipe.
  public static func make(
    at path: String, as kind: FileKind, force: Bool = false, _ body: (String) throws -> Void
  ) throws {
    let target = try FileTarget(path, kind: kind, force: force)
    var old: stat?
    switch target.content {
    case .nothing: break
    case .file(let status): old = status
    case .stream:
      throw CifarError(
        .invalidArgument, "'\(path)' is a device or a pipe; \(kind.name) must go to a file")
    }
    let temporary = try TemporaryFile(
      in: target.directory, for: target.name, named: path, replacing: old)
    try body(temporary.path)
    try commit(temporary, replaces: old != nil, path, kind, force)
  }

  private static func commit(
    _ temporary: TemporaryFile, replaces: Bool, _ path: String, _ kind: FileKind, _ force: Bool
  ) throws {
    if try temporary.commit(replaces: replaces) { return }
    // Someone was faster with a file of that name: is it one to replace?
    guard case .stream = try FileTarget(path, kind: kind, force: force).content else {
      _ = try temporary.commit(replaces: true)
      return
    }
    throw CifarError(.io, "can't write '\(path)': it became a device or a pipe meanwhile")
  }

  /// Checks whether `write` would replace what is there; nothing is written.
  /// - Throws: `invalidArgument`, `io`.
  public static func check(_ path: String, as kind: FileKind, force: Bool = false) throws {
    _ = try FileTarget(path, kind: kind, force: force)
  }

  /// Writes a file whose content is at hand.
  public static func write(
    _ bytes: [UInt8], to path: String, as kind: FileKind, force: Bool = false
  ) throws {
    try write(to: path, as: kind, force: force) { try $0.write(bytes) }
  }

  /// Writes to standard output.
  public static func writeToStandardOutput(_ body: (FileWriter) throws -> Void) throws {
    let writer = FileWriter(File(STDOUT_FILENO, named: "standard output", closing: .never))
    try body(writer)
    try writer.flush()
  }

  // MARK: Content

  /// Appends bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    if buffer.count + bytes.count > FileWriter.bufferSize { try flush() }
    if bytes.count > FileWriter.bufferSize { return try put(bytes) }
    buffer.append(contentsOf: bytes)
  }

  public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  public func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// What is written, open once more: a lock that is set by it stays with the file.
  public func duplicate() throws -> File { try file.duplicate() }

  private func flush() throws {
    try buffer.withUnsafeBytes { try put($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws {
    try file.write(bytes, mayBreak: mayBreak, check: check)
  }

  // MARK: Devices and pipes

  /// How long someone may take to open the other end of a pipe, in units of 50 ms.
  private static let pipePatience = 200

  private static func write(
    toStream path: String, _ status: stat, _ body: (FileWriter) throws -> Void
  ) throws {
    let writer = FileWriter(try open(path, status), mayBreak: true)
    try body(writer)
    try writer.flush()
    if status.st_mode & S_IFMT == S_IFBLK { try writer.file.sync() }
  }

  private static func open(_ path: String, _ status: stat) throws -> File {
    let truncates = status.isRegular ? O_TRUNC : 0
    // Without O_NONBLOCK a pipe that nobody reads would keep the caller for ever.
    let flags = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | truncates
    var descriptor = uninterrupted { Glibc.open(path, flags) }
    var attempts = 0
    while descriptor < 0, errno == ENXIO, status.isPipe {
      attempts += 1
      guard attempts <= pipePatience else {
        throw CifarError(.io, "can't write '\(path)': it is a pipe that nobody reads from")
      }
      usleep(50_000)
      descriptor = uninterrupted { Glibc.open(path, flags) }
    }
    guard descriptor >= 0 else { throw FileFailure.error("write", path, errno) }
    let file = File(descriptor, named: path)
    let present = fcntl(descriptor, F_GETFL)
    guard present >= 0, fcntl(descriptor, F_SETFL, present & ~O_NONBLOCK) >= 0 else {
      throw FileFailure.error("write", path, errno)
    }
    return file
  }
}
