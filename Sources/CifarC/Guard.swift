import CCifar
import CifarCore
import Glibc

/// Runs the body of an export. What it throws becomes the status, and this thread's last error.
func guarded(_ body: () throws -> Void) -> cifar_status {
  do {
    try body()
    return CIFAR_OK
  } catch {
    let error = error as? CifarError ?? CifarError(.internal, "\(error)")
    LastError.message = error.message
    return cifar_status(rawValue: UInt32(error.code.rawValue))
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
