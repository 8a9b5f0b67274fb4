import CCifar
import Cifar
import CifarCore
import CifarNN
import Glibc

/// What `--peers` names: a shared library by which processes reach each other. `cifar_peers.h` says
/// what it exports.
struct PeerLibrary {
  private let path: String
  private let handle: UnsafeMutableRawPointer
  private let leave: @convention(c) () -> Void
  let peers: Peers

  /// Loads the library, and joins the other processes.
  ///
  /// - Throws: `notFound` for what can't be loaded; `peer` if there is no joining them.
  init(path: String, sharesBatchNorm: Bool) throws {
    // With a directory in it, the name is not searched for.
    let path = AbsolutePath.of(path)
    // MPI loads libraries that look for its names among those of the program.
    guard let handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
      throw CifarError(
        .notFound, "--peers: \(dlerror().map { String(cString: $0) } ?? path.excerpt)")
    }
    func function<Function>(_ name: String, _: Function.Type) throws -> Function {
      guard let address = dlsym(handle, name) else {
        throw CifarError(
          .notFound, "--peers: '\(path.excerpt)' has no \(name), which cifar_peers.h describes")
      }
      return unsafeBitCast(address, to: Function.self)
    }
    typealias Open = @convention(c) (UnsafeMutablePointer<cifar_peers>) -> Int32
    typealias Failure = @convention(c) () -> UnsafePointer<CChar>?
    typealias Close = @convention(c) () -> Void
    let open = try function("cifar_peers_open", Open.self)
    let failure = try function("cifar_peers_error", Failure.self)
    leave = try function("cifar_peers_close", Close.self)
    let reason = { failure().map { SystemText.escaped($0) } }
    var callbacks = cifar_peers()
    callbacks.struct_size = UInt32(MemoryLayout<cifar_peers>.size)
    callbacks.count = 1
    let status = open(&callbacks)
    guard status == 0 else {
      throw CifarError(
        .peer,
        "--peers: '\(path.excerpt)' can't join the other processes: "
          + (reason() ?? "its cifar_peers_open returned \(status)"))
    }
    callbacks.local_batch_norm = sharesBatchNorm ? callbacks.local_batch_norm : 1
    peers = try Peers(callbacks, reason: reason)
    self.path = path
    self.handle = handle
  }

  /// Leaves the others; nothing is exchanged afterwards.
  func close() { leave() }
}
