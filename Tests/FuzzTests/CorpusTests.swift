import Foundation
import FuzzTargets
import Testing

/// What `make fuzz` does for hours, for seconds and always the same: each reader gets the inputs
/// that are kept, and a few thousand that a fixed seed makes of them. A trap ends the test process.
@Suite(.serialized) struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases) func keptInputsAndMutations(target: FuzzTarget) throws {
    let inputs = try CorpusTests.inputs(of: target)
    #expect(!inputs.isEmpty)
    for input in inputs { try target.run(input) }
    var mutator = Mutator(seed: 1, inputs: inputs)
    for _ in 0..<CorpusTests.count(target) { try target.run(mutator.next()) }
  }

  /// Mutations that take about a second without optimisation.
  private static func count(_ target: FuzzTarget) -> Int {
    switch target {
    case .registry, .cells: 100
    case .checkpoint: 200
    case .overrides, .safetensors, .records: 500
    default: 2000
    }
  }

  private static func inputs(of target: FuzzTarget) throws -> [[UInt8]] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fuzz/Corpus/\(target.rawValue)")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
      Array(try Data(contentsOf: folder.appendingPathComponent($0)))
    }
  }
}
