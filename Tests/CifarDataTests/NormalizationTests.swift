import CifarCore
import TestSupport
import Testing

@testable import CifarData

@Suite struct NormalizationTests {
  @Test func theTutorialsNumbers() {
    #expect(Normalization.cifar10.mean == [0.4914, 0.4822, 0.4465])
    #expect(Normalization.cifar10.std == [0.2023, 0.1994, 0.2010])
    #expect(Normalization.unit == Normalization(mean: [0, 0, 0], std: [1, 1, 1]))
  }

  @Test func unitIsAByteDividedBy255() {
    let table = Normalization.unit.table()
    #expect(table.count == 768)
    for value in 0..<256 { #expect(table[512 + value] == Float(value) / 255) }
    #expect(table[255] == 1)
  }

  @Test func eachChannelHasItsOwnNumbers() {
    let normalizer = ImageNormalizer(.cifar, Normalization(mean: [0, 0.5, 1], std: [1, 2, 4]))
    var result = [Float](repeating: .nan, count: ImageShape.cifar.count)
    normalizer.run([UInt8](repeating: 51, count: ImageShape.cifar.count), to: &result)
    for (channel, expected) in [Float(0.2), -0.15, -0.2].enumerated() {
      for value in result[(channel * 1024)..<((channel + 1) * 1024)] {
        #expect(abs(value - expected) < 1e-7)
      }
    }
  }

  @Test(arguments: [
    Normalization(mean: [0, 0], std: [1, 1, 1]),
    Normalization(mean: [0, 0, 0], std: [1, 1]),
    Normalization(mean: [0, 0, 0], std: [1, 0, 1]),
    Normalization(mean: [0, 0, 0], std: [1, -1, 1]),
    Normalization(mean: [0, .nan, 0], std: [1, 1, 1]),
    Normalization(mean: [0, 0, 0], std: [1, .infinity, 1]),
    Normalization(mean: [0, 0, 0], std: [.nan, 1, 1]),
  ])
  func whatCannotBeIsRefused(normalization: Normalization) {
    let error = failure { try normalization.validate(channels: 3) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("standard deviations") == true)
  }
}
