import CheckpointFormat
import CifarCore
import CifarNN
import Foundation
import Testing

/// What PyTorch came to in ten training steps of a recipe, and what it began with:
/// `Golden/make_airbench_golden.py`, `Golden/make_resnet9_golden.py`.
struct StepsGolden: Decodable {
  let losses: [Double]
  let logits: [Double]
  let weights: [String: [Double]]

  static let (batch, steps, batchesPerEpoch) = (16, 10, 2)

  init(named name: String) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/\(name).json")
    self = try JSONDecoder().decode(StepsGolden.self, from: Data(contentsOf: file))
    #expect(losses.count == StepsGolden.steps)
  }

  /// The script's weights, with the statistics that the network begins with. A batch norm's scale is
  /// around 1.
  static func weights(of network: Network) -> [Tensor] {
    let drawn = network.parameters.enumerated().map { index, parameter in
      let fanIn = Float(parameter.shape.dropFirst().reduce(1, *))
      let bound = parameter.shape.count == 1 ? 0.2 : 2 / fanIn.squareRoot()
      let isScale = parameter.shape.count == 1 && parameter.name.hasSuffix(".weight")
      var random = RandomSequence(
        seed: 2026, purpose: .initialization, major: 77, minor: UInt32(index))
      return Tensor(
        name: parameter.name, shape: parameter.shape,
        values: (0..<parameter.count).map { _ in
          (isScale ? 1 : 0) + random.uniform(-bound, bound)
        })
    }
    let known = Set(drawn.map(\.name))
    return drawn + network.stateTensors().filter { !known.contains($0.name) }
  }

  /// - Parameter first: where the golden file's images begin.
  static func images(_ step: Int, from first: UInt32 = 3000) -> [Float] {
    var random = RandomSequence(
      seed: 2026, purpose: .syntheticImages, major: 77, minor: first + UInt32(step))
    return (0..<(batch * 3072)).map { _ in random.uniform(-2, 2) }
  }

  static func labels(_ step: Int) -> [Int32] {
    (0..<batch).map { Int32((3 * step + $0) % 10) }
  }
}
