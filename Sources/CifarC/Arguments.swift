import CifarCore
import Glibc

/// What comes in from C, looked at before anything is done with it.
enum Argument {
  static func required<Pointer>(_ pointer: Pointer?, _ name: String) throws -> Pointer {
    guard let pointer else { throw CifarError(.invalidArgument, "\(name) is NULL") }
    return pointer
  }

  static func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String? {
    guard let pointer else { return nil }
    guard let text = String(validatingCString: pointer) else {
      throw CifarError(.invalidArgument, "\(name) is not UTF-8")
    }
    return text
  }

  static func requiredText(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
    try text(required(pointer, name), name) ?? ""
  }

  static func count(_ value: Int, _ name: String) throws -> Int {
    // A C caller's -1 arrives as a size_t that no Int holds.
    guard value >= 0 else { throw CifarError(.invalidArgument, "\(name) is out of range") }
    return value
  }

  /// - Parameter value: 0 for as many as fit the machine.
  static func threads(_ value: UInt32) throws -> Int {
    if value == 0 { return ThreadPool.defaultThreads }
    guard value <= 1024 else {
      throw CifarError(.invalidArgument, "threads \(value) is not in 1 to 1024")
    }
    return Int(value)
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

  static func free(_ pointer: OpaquePointer?) {
    guard let pointer else { return }
    Unmanaged<AnyObject>.fromOpaque(UnsafeRawPointer(pointer)).release()
  }
}
