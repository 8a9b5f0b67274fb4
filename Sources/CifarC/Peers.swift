// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCifar
import Cifar
import CifarCore
import CifarNN
import CifarTraining

extension cifar_peers {
  static var defaults: cifar_peers {
    var peers = cifar_peers()
    peers.struct_size = UInt32(MemoryLayout<cifar_peers>.size)
    peers.count = 1
    return peers
  }
}

@_cdecl("cifar_peers_init") @implementation
public func cifar_peers_init(
  _ peers: UnsafeMutablePointer<cifar_peers>?, _ peersSize: Int
) -> cifar_status {
  guarded { try GrowingStruct.write(cifar_peers.defaults, to: peers, size: peersSize, "peers") }
}

@_cdecl("cifar_peers_leave") @implementation
public func cifar_peers_leave(
  _ peers: UnsafePointer<cifar_peers>?, _ reason: UnsafePointer<CChar>?
) -> cifar_status {
  guarded {
    let peers = try GrowingStruct.read(
      try Argument.required(peers, "peers"), defaults: .defaults, "peers")
    let reason = try Argument.requiredText(reason, "reason")
    try TrainerMeeting(Peers(peers)).leave(CifarError(.peer, reason))
  }
}

@_cdecl("cifar_trainer_set_peers") @implementation
public func cifar_trainer_set_peers(
  _ trainer: OpaquePointer?, _ peers: UnsafePointer<cifar_peers>?
) -> cifar_status {
  guarded {
    let peers = try GrowingStruct.read(
      try Argument.required(peers, "peers"), defaults: .defaults, "peers")
    let group = try Peers(peers)
    try TrainerHandle.idle(trainer) { try $0.share(with: group) }
  }
}
