// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCifar
import Cifar
import CifarCore
import CifarNN

extension cifar_peers {
  static var defaults: cifar_peers {
    var peers = cifar_peers()
    peers.struct_size = UInt32(MemoryLayout<cifar_peers>.size)
    peers.count = 1
    return peers
  }
}

/// The host's callbacks that move bytes.
final class CallbackTransport: PeerTransport {
  private typealias Exchange = (
    UnsafeRawPointer?, UnsafeMutableRawPointer?, UInt64, UnsafeMutableRawPointer?
  ) -> Int32

  private let peers: cifar_peers
  private let toAll: Exchange
  private let gather: Exchange
  private let fromRoot:
    (UnsafeMutableRawPointer?, UInt64, UInt32, UnsafeMutableRawPointer?) -> Int32

  /// - Throws: `invalidArgument` for a callback that is missing.
  init(_ peers: cifar_peers) throws {
    self.peers = peers
    toAll = try Argument.required(peers.all_to_all, "peers.all_to_all")
    gather = try Argument.required(peers.all_gather, "peers.all_gather")
    fromRoot = try Argument.required(peers.broadcast, "peers.broadcast")
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
        "process \(peers.rank) of \(peers.count) can't reach the others: its callback \(name) "
          + "returned \(status)")
    }
  }
}

@_cdecl("cifar_peers_init") @implementation
public func cifar_peers_init(
  _ peers: UnsafeMutablePointer<cifar_peers>?, _ peersSize: Int
) -> cifar_status {
  guarded { try GrowingStruct.write(cifar_peers.defaults, to: peers, size: peersSize, "peers") }
}

@_cdecl("cifar_trainer_set_peers") @implementation
public func cifar_trainer_set_peers(
  _ trainer: OpaquePointer?, _ peers: UnsafePointer<cifar_peers>?
) -> cifar_status {
  guarded {
    let peers = try GrowingStruct.read(
      try Argument.required(peers, "peers"), defaults: .defaults, "peers")
    guard (1...1024).contains(peers.count) else {
      throw CifarError(.invalidArgument, "peers.count \(peers.count) is not in 1 to 1024")
    }
    guard peers.rank < peers.count else {
      throw CifarError(
        .invalidArgument, "peers.rank \(peers.rank) is not below the count, \(peers.count)")
    }
    let transport = try CallbackTransport(peers)
    try TrainerHandle.idle(trainer) {
      try $0.share(
        with: Peers(
          rank: Int(peers.rank), count: Int(peers.count),
          sharesBatchNorm: peers.local_batch_norm == 0, transport: transport))
    }
  }
}
