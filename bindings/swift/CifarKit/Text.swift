import Glibc

/// Strings for a call, in C's form.
final class CStrings {
  private var copies: [UnsafeMutablePointer<CChar>] = []

  private init() {}

  /// They live until `body` returns.
  static func during<Result>(_ body: (CStrings) throws -> Result) rethrows -> Result {
    let strings = CStrings()
    return try withExtendedLifetime(strings) { try body(strings) }
  }

  deinit { for copy in copies { free(copy) } }

  /// NULL for nil.
  ///
  /// - Throws: `invalidArgument` for a string with a NUL in it, which C can't be told.
  func callAsFunction(_ text: String?) throws -> UnsafePointer<CChar>? {
    guard let text else { return nil }
    guard !text.utf8.contains(0) else {
      throw CifarError(.invalidArgument, "\(text.debugDescription) has a NUL in it")
    }
    guard let copy = strdup(text) else {
      throw CifarError(.outOfMemory, "there is no memory for a string")
    }
    copies.append(copy)
    return UnsafePointer(copy)
  }
}

extension String {
  /// A copy; nil for NULL.
  init?(copying text: UnsafePointer<CChar>?) {
    guard let text else { return nil }
    self = String(cString: text)
  }
}
