import CCifar

/// A call that failed: a status for programs, a sentence for people.
public struct CifarError: Error, Equatable, Sendable {
  /// What kind of thing went wrong.
  public struct Status: RawRepresentable, Hashable, Sendable {
    /// The number that C has.
    public let rawValue: UInt32

    /// A status by its number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ status: cifar_status) { rawValue = status.rawValue }

    /// An argument or an option is outside what the call allows.
    public static let invalidArgument = Status(CIFAR_E_INVALID_ARGUMENT)
    /// Arrays, layers or weights whose shapes do not fit together; images that are not the run's.
    public static let shapeMismatch = Status(CIFAR_E_SHAPE_MISMATCH)
    /// A file, directory, run or checkpoint that does not exist.
    public static let notFound = Status(CIFAR_E_NOT_FOUND)
    /// A name or the start of an id that fits more than one run.
    public static let ambiguous = Status(CIFAR_E_AMBIGUOUS)
    /// The operating system refused to read or write.
    public static let io = Status(CIFAR_E_IO)
    /// There is no space left to write to.
    public static let diskFull = Status(CIFAR_E_DISK_FULL)
    /// A file that is not what it should be: truncated, oversized, or with values out of range.
    public static let badData = Status(CIFAR_E_BAD_DATA)
    /// Stored bytes that no longer have the SHA-256 they were stored with.
    public static let checksumMismatch = Status(CIFAR_E_CHECKSUM_MISMATCH)
    /// SQLite reported an error.
    public static let database = Status(CIFAR_E_DATABASE)
    /// An SQLite file that is no run registry; it stays untouched.
    public static let foreignDatabase = Status(CIFAR_E_FOREIGN_DATABASE)
    /// A registry written by a newer version of the library.
    public static let newerDatabase = Status(CIFAR_E_NEWER_DATABASE)
    /// Someone else holds the registry, or trains the run.
    public static let busy = Status(CIFAR_E_BUSY)
    /// A call that does not fit the state of its object.
    public static let invalidState = Status(CIFAR_E_INVALID_STATE)
    /// Training was interrupted; a checkpoint of the very batch was left.
    public static let interrupted = Status(CIFAR_E_INTERRUPTED)
    /// Whoever follows the training stopped it, or a timer ran out; a checkpoint of the very batch
    /// was left.
    public static let callback = Status(CIFAR_E_CALLBACK)
    /// Another process of a training ended it, or can't be reached.
    public static let peer = Status(CIFAR_E_PEER)
    /// A loss, a weight or a probability is not a finite number.
    public static let notFinite = Status(CIFAR_E_NOT_FINITE)
    /// A feature that this build or this machine does not have.
    public static let unsupported = Status(CIFAR_E_UNSUPPORTED)
    /// Memory could not be had, or is more than the process may use.
    public static let outOfMemory = Status(CIFAR_E_OUT_OF_MEMORY)
    /// A defect in the library.
    public static let `internal` = Status(CIFAR_E_INTERNAL)

    /// The name that C has, such as "CIFAR_E_NOT_FOUND".
    public var name: String { String(cString: cifar_status_name(cifar_status(rawValue))) }
  }

  /// What kind of thing went wrong.
  public let status: Status
  /// What is wrong and what to do, in one line.
  public let message: String

  init(_ status: Status, _ message: String) {
    self.status = status
    self.message = message
  }
}

extension CifarError: CustomStringConvertible {
  /// The message.
  public var description: String { message }
}

/// Throws what a call's status says. It is called right after the call, on its thread.
func check(_ status: cifar_status) throws {
  guard status == CIFAR_OK else {
    throw CifarError(CifarError.Status(status), String(cString: cifar_last_error()))
  }
}

/// The object that a call gives through its last parameter.
func made(_ make: (UnsafeMutablePointer<OpaquePointer?>) -> cifar_status) throws -> OpaquePointer {
  var object: OpaquePointer?
  try check(make(&object))
  guard let object else { throw CifarError(.internal, "a call gave no object") }
  return object
}

/// The struct that an `_init` or a `_get` fills.
func filled<Struct>(
  _ empty: Struct, _ fill: (UnsafeMutablePointer<Struct>, Int) -> cifar_status
) throws -> Struct {
  var value = empty
  try check(fill(&value, MemoryLayout<Struct>.size))
  return value
}

/// What a `_count` says.
func counted(_ count: (UnsafeMutablePointer<Int>) -> cifar_status) throws -> Int {
  var number = 0
  try check(count(&number))
  return number
}
