import CifarCore
import CifarNN

/// What must be the same in all processes of a training, for the same bits, and where one runs.
public struct PeerIdentity: Equatable, Sendable {
  public var version: String
  public var instructionSet: String
  public var sharesBatchNorm: Bool
  public var host: String

  public init(version: String, instructionSet: String, sharesBatchNorm: Bool, host: String) {
    self.version = version
    self.instructionSet = instructionSet
    self.sharesBatchNorm = sharesBatchNorm
    self.host = host
  }
}

/// The beginning of a training by several processes: they make sure that they fit together, and take
/// over the state of the first.
public final class TrainerMeeting {
  let control: PeerControl
  private var peers: Peers { control.peers }

  /// Bytes of each text of an identity.
  private static let textSize = 128

  public init(_ peers: Peers) { control = PeerControl(peers) }

  /// Tells who this process is.
  ///
  /// - Returns: the hosts of all.
  /// - Throws: `invalidArgument`, in all of them, if they do not fit together.
  public func introduce(_ identity: PeerIdentity) throws -> [String] {
    _ = try control.agree(learningRate: 0)
    let texts = [
      identity.version, identity.instructionSet, identity.sharesBatchNorm ? "global" : "local",
      identity.host,
    ]
    let size = TrainerMeeting.textSize
    let own = texts.flatMap { text in
      let bytes = Array(text.utf8.prefix(size - 1))
      return bytes + [UInt8](repeating: 0, count: size - bytes.count)
    }
    let all = try peers.gather(own).map { bytes in
      (0..<texts.count).map { index in
        String(
          decoding: bytes[(index * size)..<((index + 1) * size)].prefix { $0 != 0 }, as: UTF8.self)
      }
    }
    let kinds = ["the library's version", "the instruction set", "batch normalization"]
    for (rank, other) in all.enumerated() {
      for (index, kind) in kinds.enumerated() where other[index] != all[0][index] {
        peers.part()
        let remedy = index == 1 ? "; CIFAR_ISA chooses one that all have" : ""
        throw CifarError(
          .invalidArgument,
          "the processes do not fit together: \(kind) is \(all[0][index]) in process 0 and "
            + "\(other[index]) in process \(rank)\(remedy)")
      }
    }
    return all.map { $0[3] }
  }

  /// Gives all the bytes of the first.
  public func distribute(_ own: [UInt8]) throws -> [UInt8] {
    var size = own.count
    try withUnsafeMutableBytes(of: &size) { try peers.broadcast($0, root: 0) }
    guard peers.rank > 0 else {
      var own = own
      try own.withUnsafeMutableBytes { try peers.broadcast($0, root: 0) }
      return own
    }
    guard (1...(1 << 40)).contains(size) else {
      peers.part()
      throw CifarError(
        .peer,
        "process 0 of \(peers.count) sent a state of \(size) bytes: the callback broadcast does not "
          + "move what it is given")
    }
    try MemoryNeed.check(size, for: "the state of the first process")
    let buffer = try AlignedBuffer<UInt8>(count: size, for: "the state of the first process")
    try peers.broadcast(UnsafeMutableRawBufferPointer(buffer.span), root: 0)
    return Array(buffer.span)
  }

  /// Whether the first process wants what the others wait for here, such as another training.
  ///
  /// - Parameter own: what the first one wants; true in the others.
  /// - Throws: `peer` if one ended with an error.
  public func isWanted(_ own: Bool) throws -> Bool {
    if !own { control.wish(.stop, nil) }
    return try control.agree(learningRate: 0).wish == .proceed
  }

  /// Returns when all are ready.
  ///
  /// - Throws: `peer` if one is not.
  public func confirm() throws { _ = try control.agree(learningRate: 0) }

  /// Tells the others of an error.
  public func leave(_ error: any Error) { control.leave(error) }
}

extension Trainer {
  /// Shares all batches with the processes of a meeting: see `share(with:)`.
  public func share(with meeting: TrainerMeeting) throws { try share(with: meeting.control) }

  /// Whether it trains without other processes.
  public var isAlone: Bool { peers == nil }
  /// What moves bytes to the others; nil for a process by itself.
  public var transport: Peers? { peers?.peers }
  /// Whether the processes have ended the training, and none waits for another.
  public var isApart: Bool { peers.map { $0.isApart || $0.peers.haveParted } ?? false }

  /// Whether this process or another was interrupted; all call it between two batches of an evaluation
  /// at the end.
  ///
  /// - Throws: `peer` if another one failed.
  public func interruptsEvaluation() throws -> Bool {
    guard let peers else { return takeInterrupt() }
    if takeInterrupt() { peers.wish(.interrupt, nil) }
    return try peers.agree(learningRate: 0).wish == .interrupt
  }

  /// The same after the last batch: from here on each process is by itself.
  public func finishEvaluation() throws -> Bool {
    defer { peers?.finish() }
    return try interruptsEvaluation()
  }

  /// Tells the others of an error of that evaluation.
  public func leave(_ error: any Error) { peers?.leave(error) }
}
