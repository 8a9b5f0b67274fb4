import CifarCore
import Kernels

/// Sums the gradients of a network over processes.
///
/// They are cut into parts that are exchanged one after the other, those of the last layers first, whose
/// gradients are ready first. What is small goes to everybody, who all add it up. Of what is large each
/// process adds up a slice and then hands it to the others: so each moves twice its gradients, however
/// many there are.
final class GradientExchange {
  /// A run of the network's gradients.
  private struct Run {
    let parameter: String
    let place: Int
    let count: Int
  }

  private struct Part {
    var runs: [Run] = []
    var count = 0
  }

  private let network: Network
  private let kernels: any KernelTable
  private let rank: Int
  private let ranks: Int
  /// The gradients of each, in the order in which they are ready.
  private let parts: [Part]
  /// Parts that are ready when an operator has gone backward, by operator: their end.
  private let ends: [Int]
  /// (ranks, slice): what this process sends, and what it gets.
  private let send: AlignedBuffer<Float>
  private let receive: AlignedBuffer<Float>

  /// What is at most moved at a time: so a batch normalization need not wait for long for its own.
  private static let partFloats = 1 << 18
  /// Below so many floats in all a single step is faster than two.
  private static let smallFloats = 1 << 13

  /// - Parameter parameters: those of each operator that are to be summed, in the order of the
  ///   forward pass.
  /// - Throws: `outOfMemory`.
  init(
    network: Network, parameters: [[String]], peers: Peers, kernels: any KernelTable
  ) throws {
    self.network = network
    self.kernels = kernels
    rank = peers.rank
    ranks = peers.count
    var parts: [Part] = []
    var part = Part()
    var ends = [Int](repeating: 0, count: parameters.count)
    for index in parameters.indices.reversed() {
      let names = Set(parameters[index])
      for parameter in network.parameters where names.contains(parameter.name) {
        var place = parameter.offset
        let end = place + parameter.count
        while place < end {
          let count = min(end - place, GradientExchange.partFloats - part.count)
          part.runs.append(
            Run(parameter: parameter.name, place: place, count: count))
          part.count += count
          place += count
          if part.count == GradientExchange.partFloats {
            parts.append(part)
            part = Part()
          }
        }
      }
      if index == 0, part.count > 0 { parts.append(part) }
      ends[index] = parts.count
    }
    self.parts = parts
    self.ends = ends
    let largest = parts.map(\.count).max() ?? 0
    let slice = GradientExchange.slice(largest, ranks)
    send = try AlignedBuffer(count: ranks * slice, for: "the gradients that are exchanged")
    receive = try AlignedBuffer(
      count: max(ranks * slice, GradientExchange.smallFloats + 16 * ranks))
  }

  /// A share of so many floats for each process, in whole vectors.
  private static func slice(_ count: Int, _ ranks: Int) -> Int {
    (blocks(count, of: ranks) + 15) / 16 * 16
  }

  /// Parts that may be exchanged once the operators from this one on have gone backward.
  func parts(after index: Int) -> Int { ends[index] }

  var partCount: Int { parts.count }

  /// Sums one part. On the thread that calls the transport.
  func run(_ index: Int, _ transport: any PeerTransport) throws {
    let part = parts[index]
    let isSmall = part.count * ranks <= GradientExchange.smallFloats
    let slice = GradientExchange.slice(part.count, ranks)
    var place = send.pointer
    for run in part.runs {
      place.update(from: network.gradients.pointer + run.place, count: run.count)
      place += run.count
    }
    if isSmall {
      let stride = (part.count + 15) / 16 * 16
      place.update(repeating: 0, count: stride - part.count)
      try transport.allGather(send.pointer, receive.pointer, bytes: 4 * stride)
      addUp(stride)
      put(receive.pointer, part)
      return
    }
    place.update(repeating: 0, count: ranks * slice - part.count)
    try transport.allToAll(send.pointer, receive.pointer, bytes: 4 * slice)
    addUp(slice)
    try transport.allGather(receive.pointer, send.pointer, bytes: 4 * slice)
    put(send.pointer, part)
  }

  /// Adds what came from all processes along the tree, into the first place.
  private func addUp(_ stride: Int) {
    var step = 1
    while step < ranks {
      for rank in Swift.stride(from: 0, to: ranks - step, by: 2 * step) {
        let sum = receive.pointer + rank * stride
        kernels.accumulate(sum + step * stride, count: stride, into: sum)
      }
      step *= 2
    }
  }

  private func put(_ sums: UnsafePointer<Float>, _ part: Part) {
    var place = sums
    for run in part.runs {
      // What a step does not train keeps the sums that it has.
      if network.isTrained(run.parameter) {
        (network.gradients.pointer + run.place).update(from: place, count: run.count)
      }
      place += run.count
    }
  }
}
