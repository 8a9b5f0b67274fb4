/// The parameters that one optimizer moves, and how its pass over them is cut up.
///
/// Neighbours are one run of numbers. Runs are cut into chunks that do not depend on the number of
/// threads, and so neither do sums that are taken chunk by chunk.
public struct ParameterSubset: Sendable {
  /// What one thread updates at a time.
  struct Chunk: Sendable {
    /// Where it begins in the network's buffers.
    let place: Int
    /// Where it begins in a buffer that has the numbers of this subset alone.
    let slot: Int
    let count: Int
  }

  /// In the order of the layers.
  let parameters: [Network.Parameter]
  /// Where each begins in a buffer of this subset's numbers alone.
  let places: [Int]
  let chunks: [Chunk]
  /// Numbers of all, those between two parameters included.
  let floats: Int

  /// Large enough to be worth the hand-over.
  static let chunkSize = 16_384

  /// - Parameter parameters: some of a network's, in its order.
  init(_ parameters: [Network.Parameter]) {
    self.parameters = parameters
    var places: [Int] = []
    var runs: [Range<Int>] = []
    var end = 0
    for parameter in parameters {
      let size = (parameter.count + 15) / 16 * 16
      places.append(end)
      end += size
      let next = parameter.offset..<(parameter.offset + size)
      if let last = runs.last, last.upperBound == next.lowerBound {
        runs[runs.count - 1] = last.lowerBound..<next.upperBound
      } else {
        runs.append(next)
      }
    }
    self.places = places
    floats = end
    var chunks: [Chunk] = []
    var slot = 0
    for run in runs {
      for start in stride(from: run.lowerBound, to: run.upperBound, by: ParameterSubset.chunkSize) {
        let count = min(ParameterSubset.chunkSize, run.upperBound - start)
        chunks.append(Chunk(place: start, slot: slot, count: count))
        slot += count
      }
    }
    self.chunks = chunks
  }
}

extension Network {
  /// All its parameters.
  public var allParameters: ParameterSubset { ParameterSubset(parameters) }

  /// Those of the names.
  public func parameters(named names: Set<String>) -> ParameterSubset {
    ParameterSubset(parameters.filter { names.contains($0.name) })
  }
}
