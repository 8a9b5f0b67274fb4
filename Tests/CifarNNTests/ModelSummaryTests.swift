import CifarCore
import Foundation
import Testing

@testable import CifarNN

@Suite struct ModelSummaryTests {
  @Test(arguments: Dialect.allCases)
  func theTutorialHasKerasTotals(dialect: Dialect) throws {
    let summary = try ModelSummary(of: .preset("tutorial", dialect: dialect))
    #expect(summary.trainable == 1_342_122 && summary.nonTrainable == 896)
    #expect(summary.rows.map(\.trainable).reduce(0, +) == 1_342_122)
    #expect(summary.rows.map(\.flops).reduce(0, +) == summary.flops)
    #expect(summary.classes == 10 && summary.inputShape == [3, 32, 32])
    let text = summary.text
    for line in [
      "Total params: 1,343,018 (5.12 MiB)\n", "Trainable params: 1,342,122 (5.12 MiB)\n",
      "Non-trainable params: 896 (3.50 KiB)\n", "Input (None, 3, 32, 32)\n",
      "\n25 (dense)       (None, 512)         1,049,088   2,097,664\n",
    ] { #expect(text.contains(line), "'\(line)' in:\n\(text)") }
  }

  @Test(arguments: ModelSpec.presetNames)
  func itCountsWhatTheNetworkHas(preset: String) throws {
    let spec = try ModelSpec.preset(preset, dialect: .keras, classes: 7)
    let network = try Network(spec: spec, dialect: .keras, seed: 0)
    let summary = try ModelSummary(of: spec)
    #expect(summary.trainable == network.parameterCount)
    #expect(summary.nonTrainable == network.statistics.reduce(0) { $0 + $1.count })
    #expect(summary.classes == 7)
  }

  @Test func aSmallModelToTheLetter() throws {
    let spec = ModelSpec(
      input: [3, 8, 8],
      layers: [
        .residual(
          layers: [.conv2d(filters: 4), .batchNorm()],
          shortcut: [.conv2d(filters: 4, kernelSize: 1)]),
        .dropout(rate: 0.25), .globalAveragePool, .dense(units: 10),
      ])
    let summary = try ModelSummary(of: spec.resolved(for: .keras))
    let (same, norm) = ("stride 1, padding same", "momentum 0.01, epsilon 0.001, unbiased false")
    func rule(_ character: Character) -> String {
      String(repeating: character, count: 60 + norm.count)
    }
    #expect(
      summary.text == """
        Input (None, 3, 8, 8)
        Layer (type)               Output shape     Params   FLOPs  Options
        \(rule("="))
        0 (residual)               (None, 4, 8, 8)       0     256
          0.layers.0 (conv2d)      (None, 4, 8, 8)     112  14,080  kernel_size 3, \(same)
          0.layers.1 (batch_norm)  (None, 4, 8, 8)      16     512  \(norm)
          0.shortcut.0 (conv2d)    (None, 4, 8, 8)      16   1,792  kernel_size 1, \(same)
        1 (dropout)                (None, 4, 8, 8)       0       0  rate 0.25
        2 (global_average_pool)    (None, 4)             0     256
        3 (dense)                  (None, 10)           50      90
        \(rule("-"))
        Total params: 194 (776 B)
        Trainable params: 186 (744 B)
        Non-trainable params: 8 (32 B)
        FLOPs of one image: 16,986

        """)
    let json = String(decoding: try JSONEncoder().encode(summary), as: UTF8.self)
    #expect(json.contains(#""output_shape":[4,8,8]"#) && json.contains(#""non_trainable":8"#))
    #expect(json.contains(#""epsilon":0.001"#) && json.contains(#""padding":"same""#))
    let open = try ModelSummary(of: spec).text
    for line in [
      "kernel_size 3, stride 1, rest by dialect\n", "     512  by dialect\n", "rate 0.25\n",
    ] { #expect(open.contains(line), "'\(line)' in:\n\(open)") }
  }

  @Test func anUnfinishedModelHasASummary() throws {
    let summary = try ModelSummary(of: ModelSpec(layers: [.relu]))
    #expect(summary.classes == 0 && summary.flops == 3072)
    #expect(summary.text.contains("Total params: 0 (0 B)\n"))
    #expect(try ModelSummary(of: ModelSpec(layers: [])).rows.isEmpty)
  }

  @Test func theLargestModelsHaveASummary() throws {
    let conv = LayerSpec.conv2d(filters: 4096, kernelSize: 5)
    let spec = ModelSpec(
      input: [4096, 1024, 1024], layers: Array(repeating: conv, count: 4096))
    let summary = try ModelSummary(of: spec)
    // No model that is allowed has a sum that an Int does not hold.
    #expect(summary.flops == (1 << 44) * (2 * 4096 * 25 + 1))
    #expect(summary.text.contains("TiB"))
    let error = #expect(throws: CifarError.self) {
      try ModelSummary(of: ModelSpec(layers: Array(repeating: .relu, count: 4097)))
    }
    #expect(error?.message == "the model has more than 4096 layers")
  }
}

@Suite struct ModelBuilderTests {
  @Test func itBuildsWhatALiteralSays() throws {
    let specs = try ModelSpec.presetNames.map { try ModelSpec.preset($0, dialect: .keras) }
    for spec in specs + [SmallModel.spec, SmallModel.residual] {
      var builder = try ModelBuilder(ModelSpec(input: spec.input, layers: []))
      for layer in spec.layers { try builder.add(layer) }
      #expect(builder.spec == spec)
      #expect(builder.summary == (try ModelSummary(of: spec)))
      #expect(try ModelBuilder(spec).layerCount == builder.summary.rows.count)
    }
  }

  @Test func aLayerThatCannotBeChangesNothing() throws {
    var builder = try ModelBuilder(ModelSpec(layers: [.conv2d(filters: 4), .flatten]))
    let wrong: [(LayerSpec, String)] = [
      (.conv2d(filters: 4), "layer 2 (conv2d): takes an image, not (4096) flat values"),
      (.dense(units: 0), "layer 2 (dense): units 0"),
      (.residual(layers: [.dense(units: 3)]), "layer 2 (residual): the layers give (3)"),
      (.residual(layers: [.relu, .maxPool()]), "layer 2.layers.1 (max_pool)"),
    ]
    for (layer, message) in wrong {
      let error = #expect(throws: CifarError.self) { try builder.add(layer) }
      #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
      #expect(builder.spec.layers.count == 2 && builder.output == .flat(4096))
    }
    try builder.add(.dense(units: 10))
    #expect(builder.summary.classes == 10)
  }

  @Test func aBranchBeginsWhereTheModelStands() throws {
    var builder = try ModelBuilder(ModelSpec(layers: [.conv2d(filters: 2048), .maxPool()]))
    var branch = try builder.branch()
    #expect(branch.spec.input == [2048, 16, 16])
    try branch.add(.residual(layers: [.conv2d(filters: 2048)]))
    try builder.add(.residual(layers: branch.spec.layers))
    try builder.add(.flatten)
    branch = try builder.branch()
    #expect(branch.spec.input == [2048 * 256])
    try branch.add(.dense(units: 8))
    #expect(branch.summary.inputShape == [2048 * 256])
    // Images have rows and columns: what begins flat is only a part of a model.
    #expect(throws: CifarError.self) { try branch.spec.shapes() }
  }
}
