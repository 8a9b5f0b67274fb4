import CCifar
import CifarCore
import CifarNN

extension Peers {
  /// Those that callbacks reach.
  ///
  /// - Parameter reason: says why the last callback failed, on the thread that called it.
  /// - Throws: `invalidArgument` for a callback that is missing, or a rank or count that can't be;
  ///   `outOfMemory`.
  public convenience init(
    _ callbacks: cifar_peers, reason: @escaping () -> String? = { nil }
  ) throws {
    guard (1...1024).contains(callbacks.count) else {
      throw CifarError(.invalidArgument, "peers.count \(callbacks.count) is not in 1 to 1024")
    }
    guard callbacks.rank < callbacks.count else {
      throw CifarError(
        .invalidArgument,
        "peers.rank \(callbacks.rank) is not below the count, \(callbacks.count)")
    }
    try self.init(
      rank: Int(callbacks.rank), count: Int(callbacks.count),
      sharesBatchNorm: callbacks.local_batch_norm == 0,
      transport: CallbackTransport(callbacks, reason))
  }
}

/// The host's callbacks that move bytes.
private final class CallbackTransport: PeerTransport {
  private typealias Exchange = (
    UnsafeRawPointer?, UnsafeMutableRawPointer?, UInt64, UnsafeMutableRawPointer?
  ) -> Int32

  private let peers: cifar_peers
  private let reason: () -> String?
  private let toAll: Exchange
  private let gather: Exchange
  private let fromRoot:
    (UnsafeMutableRawPointer?, UInt64, UInt32, UnsafeMutableRawPointer?) -> Int32

  init(_ peers: cifar_peers, _ reason: @escaping () -> String?) throws {
    func required<Callback>(_ callback: Callback?, _ name: String) throws -> Callback {
      guard let callback else { throw CifarError(.invalidArgument, "peers.\(name) is NULL") }
      return callback
    }
    self.peers = peers
    self.reason = reason
    toAll = try required(peers.all_to_all, "all_to_all")
    gather = try required(peers.all_gather, "all_gather")
    fromRoot = try required(peers.broadcast, "broadcast")
  }

  func allToAll(
    _ send: UnsafeRawPointer, _ receive: UnsafeMutableRawPointer, bytes: Int
  ) throws {
    try call("all_to_all") { toAll(send, receive, UInt64(bytes), peers.user) }
  }

  func allGather(
    _ send: UnsafeRawPointer, _ receive: UnsafeMutableRawPointer, bytes: Int
  ) throws {
    try call("all_gather") { gather(send, receive, UInt64(bytes), peers.user) }
  }

  func broadcast(_ buffer: UnsafeMutableRawPointer, bytes: Int, root: Int) throws {
    try call("broadcast") { fromRoot(buffer, UInt64(bytes), UInt32(root), peers.user) }
  }

  private func call(_ name: String, _ callback: () -> Int32) throws {
    let status = HostEnvironment.isolated { HostEnvironment.lent(callback) }
    guard status == 0 else {
      throw CifarError(
        .peer,
        "process \(peers.rank) of \(peers.count) can't reach the others: "
          + (reason() ?? "its callback \(name) returned \(status)"))
    }
  }
}
