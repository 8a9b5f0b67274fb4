import CifarCore
import CifarNN

/// What the processes of a training tell each other besides numbers: that one of them wants to end
/// it, or has to. They do so at the same places, between two batches, after a validation and after an
/// epoch; so none waits for one that has left.
final class PeerControl {
  enum Wish: Int {
    case proceed = 0
    case stop = 1
    case interrupt = 2
  }

  struct Answer {
    let wish: Wish
    /// Why it stops, if another process wants that or a callback has a reason.
    let reason: String?
    /// The first process's.
    let learningRate: Double
  }

  let peers: Peers
  private var wish = Wish.proceed
  private var reason: String?
  /// Whether nobody waits for this process any more.
  private(set) var isApart = false

  /// What stands for an error in the place of a wish.
  private static let failure = 3.0
  private static let textSize = 1024

  init(_ peers: Peers) { self.peers = peers }

  /// Whether this process has a wish that the others do not know yet.
  var wantsToEnd: Bool { wish != .proceed }

  func wish(_ wish: Wish, _ reason: String?) {
    guard self.wish == .proceed || wish == .interrupt else { return }
    self.wish = wish
    self.reason = reason
  }

  /// Tells the others what this process wishes, and hears what they do.
  ///
  /// - Throws: `peer` if another process ended the training by an error; what the transport throws.
  func agree(learningRate: Double) throws -> Answer {
    let words = try peers.gather(word(Double(wish.rawValue), learningRate))
    // What others move is believed when it can be true.
    for (rank, word) in words.enumerated()
    where word[2] != Double(rank) || word[3] != Double(peers.count) {
      peers.part()
      throw CifarError(
        .peer,
        "in the place of process \(rank) of \(peers.count) is what process "
          + "\(PeerControl.whole(word[2])) of \(PeerControl.whole(word[3])) sent: rank and count are "
          + "not those that the callbacks go by, or these do not move what they are given")
    }
    for (rank, word) in words.enumerated()
    where ![0, 1, 2, PeerControl.failure].contains(word[0]) || !(word[1] >= 0 && word[1].isFinite) {
      peers.part()
      throw CifarError(
        .peer,
        "process \(rank) of \(peers.count) sent what it can't have: the callbacks do not move what "
          + "they are given")
    }
    if let rank = words.firstIndex(where: { $0[0] == PeerControl.failure }) {
      peers.part()
      throw CifarError(
        .peer, "process \(rank) of \(peers.count) ended the training: \(try text("", of: rank))")
    }
    let strongest = words.map { $0[0] }.max() ?? 0
    let wish = Wish(rawValue: Int(strongest)) ?? .proceed
    var reason = reason
    if wish == .stop, let rank = words.firstIndex(where: { $0[0] == strongest }),
      self.wish != .stop
    {
      reason = "process \(rank) of \(peers.count)"
    }
    if wish != .proceed { isApart = true }
    return Answer(wish: wish, reason: reason, learningRate: words[0][1])
  }

  /// Tells the others that this process ends by an error, unless they know.
  func leave(_ error: any Error) {
    guard !isApart, !peers.haveParted, !peers.hasFailed else { return }
    peers.part()
    // A transport that fails now has nobody to tell.
    guard let words = try? peers.gather(word(PeerControl.failure, 0)) else { return }
    guard let first = words.firstIndex(where: { $0[0] == PeerControl.failure }) else { return }
    _ = try? text("\(error)", of: first)
  }

  /// What each sends: a wish or a failure, its learning rate, and who it is.
  private func word(_ kind: Double, _ learningRate: Double) -> [Double] {
    [kind, learningRate, Double(peers.rank), Double(peers.count)]
  }

  private static func whole(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  /// Nothing is exchanged any more.
  func finish() { isApart = true }

  /// A text of one process, in all of them.
  private func text(_ own: String, of rank: Int) throws -> String {
    var bytes = [UInt8](repeating: 0, count: PeerControl.textSize)
    if rank == peers.rank {
      for (index, byte) in own.oneLine(atMost: PeerControl.textSize - 1).utf8.enumerated() {
        bytes[index] = byte
      }
    }
    try bytes.withUnsafeMutableBytes { try peers.broadcast($0, root: rank) }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
