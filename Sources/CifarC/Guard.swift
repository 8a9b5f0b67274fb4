import CCifar
import CifarCore
import Glibc

/// Where the body of an export runs.
enum CallStack {
  /// On the calling thread if it has stack enough, else on one of the library's own.
  case large
  /// On the calling thread: for what calls back, or asks who calls.
  case callers
}

/// Runs the body of an export in the default floating-point environment. What it throws becomes the
/// status, and this thread's last error.
func guarded(on stack: CallStack = .large, _ body: () throws -> Void) -> cifar_status {
  HostEnvironment.isolated {
    do {
      switch stack {
      case .large: try LargeStack.run(body)
      case .callers: try body()
      }
      return CIFAR_OK
    } catch {
      let error = error as? CifarError ?? CifarError(.internal, "\(error)")
      LastError.message = error.message
      return cifar_status(rawValue: UInt32(error.code.rawValue))
    }
  }
}

/// The message of the last failure, one for each thread.
enum LastError {
  /// Each thread's value is a C string of its own, freed when the thread ends.
  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key) { free($0) } == 0 ? key : nil
  }()

  static var message: String? {
    get { pointer.map { String(cString: $0) } }
    set {
      guard let key else { return }
      free(pthread_getspecific(key))
      pthread_setspecific(key, newValue.flatMap { strdup($0) })
    }
  }

  /// nil before the first failure.
  static var pointer: UnsafePointer<CChar>? {
    guard let key, let value = pthread_getspecific(key) else { return nil }
    return UnsafePointer(value.assumingMemoryBound(to: CChar.self))
  }
}
