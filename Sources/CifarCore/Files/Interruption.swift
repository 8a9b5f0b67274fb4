import Glibc

/// Makes a system call again as long as a signal, which the host may handle as it likes, interrupts
/// it.
/// - Returns: what the call returns; -1 with `errno` for any other failure.
package func uninterrupted(_ call: () -> Int32) -> Int32 {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
