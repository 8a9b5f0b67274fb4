import CifarCore
import Foundation
import Testing

@testable import CifarNN

@Suite struct ModelSpecTests {
  typealias Wrong = (spec: ModelSpec, code: CifarError.Code, parts: [String])

  static func flat(_ layers: LayerSpec...) -> ModelSpec {
    ModelSpec(input: [3, 8, 6], layers: layers + [.flatten, .dense(units: 10)])
  }

  static func nested(in depth: Int) -> LayerSpec {
    (0..<depth).reduce(.relu) { inner, _ in .residual(layers: [inner]) }
  }

  /// What is wrong is named: the layer by place and type, the shape or value.
  static let wrong: [Wrong] = [
    (ModelSpec(input: [3, 32], layers: [.flatten]), .invalidArgument, ["[3, 32]"]),
    (ModelSpec(input: [3, 0, 32], layers: [.flatten]), .invalidArgument, ["[3, 0, 32]"]),
    (ModelSpec(input: [3, 1 << 40, 1 << 40], layers: [.flatten]), .invalidArgument, ["input"]),
    (ModelSpec(layers: []), .invalidArgument, ["no layers"]),
    (flat(.relu, .conv2d(filters: 0)), .invalidArgument, ["layer 1 (conv2d)", "filters 0"]),
    (flat(.conv2d(filters: 4, kernelSize: 4)), .invalidArgument, ["layer 0", "kernel_size 4"]),
    (flat(.conv2d(filters: 4, stride: 3)), .invalidArgument, ["layer 0 (conv2d)", "stride 3"]),
    (
      flat(.maxPool(), .maxPool(), .conv2d(filters: 4, padding: .valid)), .shapeMismatch,
      ["layer 2 (conv2d)", "3×3", "(3, 2, 1)"]
    ),
    (
      flat(.maxPool(), .maxPool(), .maxPool()), .shapeMismatch,
      ["layer 2 (max_pool)", "(3, 2, 1)"]
    ),
    (flat(.batchNorm(momentum: 0)), .invalidArgument, ["layer 0 (batch_norm)", "momentum 0.0"]),
    (flat(.batchNorm(momentum: .nan)), .invalidArgument, ["momentum nan"]),
    (flat(.batchNorm(epsilon: 0)), .invalidArgument, ["epsilon 0.0"]),
    (flat(.batchNorm(epsilon: .infinity)), .invalidArgument, ["epsilon inf"]),
    (flat(.dropout(rate: 1)), .invalidArgument, ["layer 0 (dropout)", "rate 1.0"]),
    (flat(.dropout(rate: .nan)), .invalidArgument, ["rate nan"]),
    (flat(.dropout(rate: -0.1)), .invalidArgument, ["rate -0.1"]),
    (flat(.dense(units: 4)), .shapeMismatch, ["layer 0 (dense)", "(3, 8, 6)", "flatten"]),
    (flat(.flatten, .conv2d(filters: 4)), .shapeMismatch, ["layer 1 (conv2d)", "(144)"]),
    (flat(.flatten, .maxPool()), .shapeMismatch, ["layer 1 (max_pool)", "(144)"]),
    (flat(.flatten, .dense(units: -1)), .invalidArgument, ["layer 1 (dense)", "units -1"]),
    (
      flat(.relu, .residual(layers: [.relu, .conv2d(filters: 5)])), .shapeMismatch,
      ["layer 1 (residual)", "the layers give (5, 8, 6)", "the shortcut (3, 8, 6)", "1×1"]
    ),
    (flat(.residual(layers: [])), .invalidArgument, ["layer 0 (residual)", "no layers"]),
    (
      flat(.residual(layers: [.relu], shortcut: [.relu, .dense(units: 3)])), .shapeMismatch,
      ["layer 0.shortcut.1 (dense)", "(3, 8, 6)"]
    ),
    (
      flat(.residual(layers: [.residual(layers: [.conv2d(filters: 0)])])), .invalidArgument,
      ["layer 0.layers.0.layers.0 (conv2d)", "filters 0"]
    ),
    (flat(nested(in: 17)), .invalidArgument, ["(residual)", "more than 16"]),
    (flat(.flatten, .avgPool), .shapeMismatch, ["layer 1 (avg_pool)", "(144)"]),
    (flat(.flatten, .globalAveragePool), .shapeMismatch, ["layer 1 (global_average_pool)"]),
    (
      ModelSpec(
        input: [3, 5, 6], layers: [.conv2d(filters: 4, stride: 2, padding: .sameUpper), .flatten]),
      .unsupported, ["layer 0 (conv2d)", "same_upper", "(3, 5, 6)"]
    ),
    (ModelSpec(layers: [.flatten]), .shapeMismatch, ["last layer (flatten)", "(3072)"]),
    (ModelSpec(layers: [.flatten, .dense(units: 1)]), .shapeMismatch, ["(dense)", "(1)"]),
    (
      ModelSpec(layers: [.flatten, .dense(units: 10), .relu]), .shapeMismatch,
      ["last layer (relu)"]
    ),
  ]

  @Test(arguments: wrong.indices)
  func whatIsWrongIsNamed(index: Int) {
    let (spec, code, parts) = Self.wrong[index]
    let error = #expect(throws: CifarError.self) { try spec.shapes() }
    #expect(error?.code == code, "\(error?.message ?? "")")
    for part in parts {
      #expect(error?.message.contains(part) == true, "'\(part)' in: \(error?.message ?? "")")
    }
    #expect(error?.message.contains("\n") == false)
    #expect(throws: CifarError.self) { try Network(spec: spec, dialect: .pytorch, seed: 1) }
  }

  @Test func shapesFollowTheLayers() throws {
    let shapes = try SmallModel.spec.shapes()
    #expect(shapes.count == SmallModel.spec.layers.count + 1)
    #expect(shapes[4] == .image(channels: 18, height: 9, width: 8))
    #expect(shapes[6] == .image(channels: 18, height: 4, width: 4))
    #expect(shapes[8] == .image(channels: 6, height: 1, width: 1))
    #expect(shapes[10] == .flat(6))
    #expect(SmallModel.spec.classes == 4)
  }

  @Test func eachDialectHasItsBatchNorm() throws {
    func norms(_ dialect: Dialect) throws -> [LayerSpec] {
      try ModelSpec.preset("tutorial", dialect: dialect).layers.filter { $0.type == "batch_norm" }
    }
    let pytorch = LayerSpec.batchNorm(momentum: 0.1, epsilon: 1e-5, unbiased: true)
    #expect(try norms(.pytorch) == .init(repeating: pytorch, count: 6))
    let keras = LayerSpec.batchNorm(momentum: 0.01, epsilon: 1e-3, unbiased: false)
    #expect(try norms(.keras) == .init(repeating: keras, count: 6))
  }

  @Test func theDialectDecidesWhatIsLeftOut() throws {
    let block = LayerSpec.residual(
      layers: [.conv2d(filters: 8, stride: 2), .batchNorm(epsilon: 0.5)],
      shortcut: [.conv2d(filters: 8, kernelSize: 1, stride: 2, padding: .valid), .batchNorm()])
    let spec = ModelSpec(layers: [.conv2d(filters: 4), block, .flatten, .dense(units: 10)])
    func resolved(
      _ padding: LayerSpec.Padding, _ momentum: Double, _ epsilon: Double, _ unbiased: Bool
    ) -> ModelSpec {
      func norm(_ epsilon: Double) -> LayerSpec {
        .batchNorm(momentum: momentum, epsilon: epsilon, unbiased: unbiased)
      }
      return ModelSpec(layers: [
        .conv2d(filters: 4, padding: .same),
        .residual(
          layers: [.conv2d(filters: 8, stride: 2, padding: padding), norm(0.5)],
          shortcut: [
            .conv2d(filters: 8, kernelSize: 1, stride: 2, padding: .valid), norm(epsilon),
          ]), .flatten, .dense(units: 10),
      ])
    }
    let expected: [Dialect: ModelSpec] = [
      .pytorch: resolved(.same, 0.1, 1e-5, true),
      .keras: resolved(.sameUpper, 0.01, 1e-3, false),
    ]
    for dialect in Dialect.allCases {
      #expect(spec.resolved(for: dialect) == expected[dialect])
      #expect(try Network(spec: spec, dialect: dialect, seed: 1).spec == expected[dialect])
      // What is spelled out stays.
      #expect(spec.resolved(for: dialect).resolved(for: .keras) == expected[dialect])
      #expect(spec.resolved(for: dialect).resolved(for: .pytorch) == expected[dialect])
    }
    // Until then it stays open, in JSON too.
    let json = try JSONEncoder().encode(spec)
    #expect(!String(decoding: json, as: UTF8.self).contains("momentum"))
    #expect(try JSONDecoder().decode(ModelSpec.self, from: json) == spec)
  }

  @Test func theTutorialHasItsWeights() throws {
    let spec = try ModelSpec.preset("tutorial", dialect: .pytorch)
    let network = try Network(spec: spec, dialect: .pytorch, seed: 1)
    // Convolutions 287,008, batch norms 896, dense layers 1,049,088 and 5,130.
    #expect(network.parameterCount == 1_342_122)
    #expect(network.parameters.first?.shape == [32, 3, 3, 3])
    #expect(network.parameters.last?.name == "28.bias")
    #expect(try spec.shapes()[24] == .image(channels: 128, height: 4, width: 4))
  }

  @Test func placesAreNumberedAsTheyAreWritten() throws {
    let nodes = try SmallModel.residual.nodes().flatMap(\.all)
    #expect(nodes.map(\.number) == Array(0..<nodes.count))
    #expect(nodes[1].path == "0.layers.0" && nodes[3].path == "1")
    #expect(nodes.contains { $0.path == "4.shortcut.0.shortcut.1" })
    #expect(try SmallModel.residual.shapes()[9] == .flat(9))
  }

  @Test func sameUpperIsKerasSame() {
    func amounts(_ size: Int, _ kernel: Int, _ stride: Int) -> [Int] {
      let zeros = LayerSpec.Padding.sameUpper.amounts(size: size, kernel: kernel, stride: stride)
      return [zeros.before, zeros.after]
    }
    #expect(amounts(32, 3, 1) == [1, 1])
    #expect(amounts(32, 3, 2) == [0, 1])
    #expect(amounts(33, 3, 2) == [1, 1])
    #expect(amounts(32, 5, 2) == [1, 2])
    #expect(amounts(32, 1, 2) == [0, 0])
  }

  @Test(arguments: Dialect.allCases)
  func presetsFitTogether(dialect: Dialect) throws {
    let gap = try ModelSpec.preset("tutorial-gap", dialect: dialect, classes: 7)
    #expect(try gap.shapes()[25] == .flat(128))
    #expect(gap.classes == 7)
    let resnet = try ModelSpec.preset("tutorial-resnet", dialect: dialect)
    let nodes = try resnet.nodes()
    #expect(nodes.map(\.spec.type).filter { $0 == "residual" }.count == 6)
    #expect(nodes[13].output == .image(channels: 128, height: 8, width: 8))
    let projections = nodes.filter { !$0.shortcut.isEmpty }.map(\.path)
    #expect(projections == ["7", "11"])
    let network = try Network(spec: resnet, dialect: dialect, seed: 1)
    #expect(network.parameters.contains { $0.name == "7.shortcut.0.weight" })
    let padding: LayerSpec.Padding = dialect == .keras ? .sameUpper : .same
    #expect(nodes[7].layers[0].spec == .conv2d(filters: 64, stride: 2, padding: padding))
  }

  @Test func aModelLargerThanTheMachineIsRefused() throws {
    let spec = ModelSpec(input: [1024, 1024, 1024], layers: [.flatten, .dense(units: 1000)])
    let error = #expect(throws: CifarError.self) {
      try Network(spec: spec, dialect: .pytorch, seed: 1)
    }
    #expect(error?.code == .outOfMemory && error?.message.contains("GiB") == true)
  }

  @Test func unknownPresetsAreNamed() {
    let error = #expect(throws: CifarError.self) {
      try ModelSpec.preset("resnet", dialect: .keras)
    }
    #expect(error?.message.contains("'resnet'") == true)
    #expect(error?.message.contains("tutorial") == true)
  }

  @Test func jsonComesBack() throws {
    let presets = try ModelSpec.presetNames.map { try ModelSpec.preset($0, dialect: .keras) }
    for spec in [SmallModel.spec, SmallModel.residual] + presets {
      let json = try JSONEncoder().encode(spec)
      #expect(try JSONDecoder().decode(ModelSpec.self, from: json) == spec)
    }
    let short = """
      {"layers": [{"type": "conv2d", "filters": 8}, {"type": "batch_norm"},
       {"type": "residual", "layers": [{"type": "max_pool2d"}], "shortcut": [{"type": "avg_pool"}]},
       {"type": "flatten"}, {"type": "dense", "units": 10}]}
      """
    let spec = try JSONDecoder().decode(ModelSpec.self, from: Data(short.utf8))
    #expect(
      spec.layers == [
        .conv2d(filters: 8), .batchNorm(), .residual(layers: [.maxPool()], shortcut: [.avgPool]),
        .flatten, .dense(units: 10),
      ])
  }

  @Test(arguments: [
    "{\"type\": \"conv3d\"}", "{\"type\": \"dense\"}", "{}", "7",
    "{\"type\": \"conv2d\", \"filters\": 8, \"kernel\": 5}",
    "{\"type\": \"relu\", \"rate\": 1}",
  ])
  func wrongJSONIsRefused(layer: String) {
    let json = "{\"input\": [3, 32, 32], \"layers\": [\(layer)]}"
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(ModelSpec.self, from: Data(json.utf8))
    }
    if layer.contains("kernel") { #expect("\(error!)".contains("is no option of conv2d")) }
    if layer.contains("conv3d") { #expect("\(error!)".contains("unknown layer type 'conv3d'")) }
  }
}
