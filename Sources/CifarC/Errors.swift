// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import CifarCore

nonisolated(unsafe) private let statusNames: [UInt32: UnsafePointer<CChar>] = {
  var names = [CIFAR_OK.rawValue: immortal("CIFAR_OK")]
  for code in CifarError.Code.allCases {
    names[UInt32(code.rawValue)] = immortal("CIFAR_E_" + screamingSnakeCase("\(code)"))
  }
  return names
}()
nonisolated(unsafe) private let unknownStatus = immortal("unknown status")

/// `notFound` as `NOT_FOUND`.
private func screamingSnakeCase(_ name: String) -> String {
  name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
}

@_cdecl("cifar_status_name") @implementation
public func cifar_status_name(_ status: cifar_status) -> UnsafePointer<CChar>! {
  statusNames[status.rawValue] ?? unknownStatus
}

@_cdecl("cifar_last_error") @implementation
public func cifar_last_error() -> UnsafePointer<CChar>! {
  LastError.pointer ?? UnsafePointer(LibraryStrings.empty)
}

/// The caller vouches that its callback and pointer may be used from any thread.
private struct LogReceiver: @unchecked Sendable {
  let callback:
    @convention(c) (cifar_log_level, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Void
  let user: UnsafeMutableRawPointer?
}

@_cdecl("cifar_set_log") @implementation
public func cifar_set_log(
  _ callback: cifar_log_callback?, _ user: UnsafeMutableRawPointer?
) -> cifar_status {
  // Whether the caller is inside a callback is known on its own thread only.
  guarded(on: .callers) {
    guard let callback else { return Log.setReceiver(nil) }
    let receiver = LogReceiver(callback: callback, user: user)
    Log.setReceiver { level, line in
      line.withCString { line in
        HostEnvironment.lent {
          receiver.callback(
            cifar_log_level(rawValue: UInt32(level.rawValue)), line, receiver.user)
        }
      }
    }
  }
}
