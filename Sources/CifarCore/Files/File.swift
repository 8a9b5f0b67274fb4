import Glibc

/// An open file, closed when the value goes.
///
/// The library opens, reads and writes files through this type. Two things stay apart and use the
/// system's calls themselves: a registry that SQLite works on (`RegistryFile` in CifarRegistry),
/// which needs SQLite's error codes, zeros after the end of the file and descriptors that
/// `DatabaseDescriptors` opens and closes; and the pipes of a `ChildProcess`, which are polled.
public struct File: ~Copyable {
  /// For locks, and for programs that read from it; valid as long as the file is open.
  public let descriptor: Int32
  /// What messages call it.
  let name: String
  private let closing: Closing

  enum Closing {
    /// The file may have turned out to be a database, whose locks closing would drop.
    case careful
    /// It is known to be none.
    case plain
    /// It is someone else's to close.
    case never
  }

  /// Takes over a descriptor.
  init(_ descriptor: Int32, named name: String, closing: Closing = .careful) {
    self.descriptor = descriptor
    self.name = name
    self.closing = closing
  }

  deinit {
    switch closing {
    case .careful: DatabaseFile.close(descriptor)
    case .plain: close(descriptor)
    case .never: break
    }
  }

  /// Opens a file to read it.
  ///
  /// - Parameters:
  ///   - name: what messages call it, if that is not the path.
  ///   - purpose: what it is opened for, as a message says it: `can't open 'x'`.
  ///   - waitsForWriter: whether the opening of a pipe waits until someone writes to it.
  /// - Throws: `notFound`, `io`; `invalidArgument` for a path with a NUL character.
  public init(
    reading path: String, named name: String? = nil, to purpose: String = "open",
    waitsForWriter: Bool = false
  ) throws {
    let descriptor = try File.open(
      path, O_RDONLY | (waitsForWriter ? 0 : O_NONBLOCK), named: name ?? path, to: purpose,
      missing: .notFound)
    self.init(descriptor, named: name ?? path)
  }

  /// Opens a file, made if need be, whose every write goes to its end. It can be read as well.
  ///
  /// - Throws: `diskFull`, `io`; `invalidArgument` for a path with a NUL character.
  public init(appendingTo path: String, followsLinks: Bool = true) throws {
    let descriptor = try File.open(
      path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW),
      named: path, to: "write", missing: .io)
    self.init(descriptor, named: path)
  }

  private static func open(
    _ path: String, _ flags: Int32, named name: String, to purpose: String,
    missing: CifarError.Code
  ) throws -> Int32 {
    guard !path.utf8.contains(0) else {
      throw CifarError(.invalidArgument, "a path holds a NUL character: it ends before its end")
    }
    let descriptor = uninterrupted { Glibc.open(path, flags | O_CLOEXEC | O_NOCTTY, 0o666) }
    guard descriptor >= 0 else { throw FileFailure.error(purpose, name, errno, missing: missing) }
    return descriptor
  }

  /// Another descriptor of the same file: a lock that is set by it stays with the file.
  func duplicate() throws -> File {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw FileFailure.error("write", name, errno) }
    return File(copy, named: name)
  }

  // MARK: What it is

  /// - Throws: `io`.
  public func status() throws -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure.error("examine", name, errno) }
    return status
  }

  /// Bytes.
  public func size() throws -> Int { Int(try status().st_size) }
}

extension stat {
  public var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  public var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
  public var isPipe: Bool { st_mode & S_IFMT == S_IFIFO }
}

/// What the operating system says of a file, as an error that names it.
enum FileFailure {
  /// - Parameter missing: the error's code where the file is not there.
  static func error(
    _ what: String, _ path: String, _ code: Int32, missing: CifarError.Code = .io
  ) -> CifarError {
    let kind: CifarError.Code =
      code == ENOSPC || code == EDQUOT ? .diskFull : code == ENOENT ? missing : .io
    return CifarError(kind, "can't \(what) '\(path)': \(String(cString: strerror(code)))")
  }
}
