/// The one error type of the library: a code for programs, a sentence for people.
///
/// The message names the thing that is wrong (the file, the option, the run) and what to do about
/// it, in one line.
public struct CifarError: Error, Equatable, Sendable {
  /// What kind of thing went wrong. The raw values are the `cifar_status` codes of `cifar.h`:
  /// spaced, and never reused.
  public enum Code: Int32, Sendable, CaseIterable {
    /// An argument or an option is outside what the call allows.
    case invalidArgument = 10
    /// Arrays, layers or weights whose shapes do not fit together.
    case shapeMismatch = 20
    /// A file, directory, run or checkpoint that does not exist.
    case notFound = 30
    /// A name or prefix that fits more than one thing.
    case ambiguous = 31
    /// The operating system refused to read or write.
    case io = 40
    /// There is no space left to write to.
    case diskFull = 41
    /// A file that is not what it should be: truncated, oversized, or with values out of range.
    case badData = 50
    /// Stored bytes that no longer have the hash they were stored with.
    case checksumMismatch = 51
    /// SQLite reported an error.
    case database = 60
    /// An SQLite file that is not a run registry.
    case foreignDatabase = 61
    /// A registry written by a newer version of the library.
    case newerDatabase = 62
    /// Someone else holds the registry or the run.
    case busy = 63
    /// A call that does not fit the state of its object (training twice at once, after fork, …).
    case invalidState = 70
    /// Training was interrupted; a checkpoint was left.
    case interrupted = 80
    /// A callback asked to stop by returning something else than 0.
    case callback = 81
    /// Another process of a training ended it, or can't be reached.
    case peer = 82
    /// A loss or a weight that is no longer a finite number.
    case notFinite = 90
    /// A feature that this build or this machine does not have.
    case unsupported = 100
    /// Memory could not be had.
    case outOfMemory = 110
    /// A defect in the library.
    case `internal` = 120
  }

  public var code: Code
  public var message: String
  /// Whether the same call may succeed later without any change: others hold a lock.
  public var isTransient = false

  /// The most bytes of a message.
  public static let longestMessage = 4095

  /// - Parameter message: names from files and callers may be in it as they are: it becomes one line
  ///   without control characters, and what is longer than `longestMessage` loses its middle.
  public init(_ code: Code, _ message: String, isTransient: Bool = false) {
    self.code = code
    self.message = message.oneLine(atMost: CifarError.longestMessage)
    self.isTransient = isTransient
  }

  /// The same of a file, where it is the file's content that is wrong and the message names no file.
  public func of(file path: String) -> CifarError {
    let isOfContent = [.badData, .notFinite, .shapeMismatch].contains(code)
    guard isOfContent, !message.contains("'\(path)'") else { return self }
    return CifarError(code, "'\(path)': \(message)")
  }
}

extension CifarError: CustomStringConvertible {
  public var description: String { message }
}
