import Glibc

/// A file that lies in memory and has a path all the same.
final class MemoryFile {
  private let descriptor: Int32
  var path: String { "/proc/self/fd/\(descriptor)" }

  init() throws {
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/cifar-fuzz-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw BrokenPromise("no memory file: \(errno)") }
    unlink(template)
  }

  deinit { close(descriptor) }

  func set(_ bytes: [UInt8]) throws {
    let written = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    guard written == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0 else {
      throw BrokenPromise("the memory file can't be written: \(errno)")
    }
  }

  func content() throws -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw BrokenPromise("no size: \(errno)") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    guard got == bytes.count else { throw BrokenPromise("the file can't be read: \(errno)") }
    return bytes
  }
}
