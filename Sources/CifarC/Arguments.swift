import CifarCore
import Glibc

/// What comes in from C, checked before anything is done with it.
enum Argument {
  static func required<Pointer>(_ pointer: Pointer?, _ name: String) throws -> Pointer {
    guard let pointer else { throw CifarError(.invalidArgument, "\(name) is NULL") }
    return pointer
  }

  /// The most bytes of a text from C: a file with a megabyte where a name should be must not
  /// cost seconds.
  enum Longest {
    /// Names of runs, tags, metrics, classes, presets, ids.
    static let name = 1024
    /// Paths, and what names a data set.
    static let path = 4 << 10
    /// Filters, lists of tags.
    static let list = 64 << 10
    /// Notes, command lines.
    static let note = 1 << 20
    /// JSON.
    static let json = 16 << 20
  }

  static func text(
    _ pointer: UnsafePointer<CChar>?, _ name: String, atMost bytes: Int = Longest.name
  ) throws -> String? {
    guard let pointer else { return nil }
    guard strnlen(pointer, bytes + 1) <= bytes else {
      throw CifarError(.invalidArgument, "\(name) is longer than \(bytes) bytes")
    }
    guard let text = String(validatingCString: pointer) else {
      throw CifarError(.invalidArgument, "\(name) is not UTF-8")
    }
    return text
  }

  static func requiredText(
    _ pointer: UnsafePointer<CChar>?, _ name: String, atMost bytes: Int = Longest.name
  ) throws -> String {
    try text(required(pointer, name), name, atMost: bytes) ?? ""
  }

  static func count(_ value: Int, _ name: String) throws -> Int {
    // A C caller's -1 arrives as a size_t that no Int holds.
    guard value >= 0 else { throw CifarError(.invalidArgument, "\(name) is out of range") }
    return value
  }

  /// - Parameter value: 0 for as many as fit the machine, which are the most.
  static func threads(_ value: UInt32) throws -> Int {
    if value == 0 { return ThreadPool.defaultThreads }
    let threads = try ThreadPool.threads(askedFor: Int(value))
    if threads < value {
      Log.write(
        .warning,
        "\(value) threads are asked for, and no more than the \(threads) that fit the cores "
          + "compute")
    }
    return threads
  }

  static func index(_ value: Int, below count: Int, _ what: String) throws -> Int {
    guard (0..<count).contains(value) else {
      throw CifarError(.invalidArgument, "there is no \(what) \(value): there are \(count)")
    }
    return value
  }
}

/// Opaque pointers of the C side: each holds one reference to an object.
enum Handle {
  static func make(_ object: AnyObject) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(object).toOpaque())
  }

  /// C's types keep handles apart, so the cast is safe.
  static func object<Object: AnyObject>(
    _ pointer: OpaquePointer?, _ type: Object.Type, _ name: String
  ) throws -> Object {
    let pointer = try Argument.required(pointer, name)
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  /// An object's deinitialiser may compute and write: it runs as in `guarded`.
  static func free(_ pointer: OpaquePointer?) {
    guard let pointer else { return }
    let object = Unmanaged<AnyObject>.fromOpaque(UnsafeRawPointer(pointer))
    HostEnvironment.isolated {
      do {
        try LargeStack.run { object.release() }
      } catch {
        // There is no thread with more stack: this one has to do.
        object.release()
      }
    }
  }
}
