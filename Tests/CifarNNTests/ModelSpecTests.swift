import CifarCore
import Foundation
import Testing

@testable import CifarNN

@Suite struct ModelSpecTests {
  typealias Wrong = (spec: ModelSpec, code: CifarError.Code, parts: [String])

  static func flat(_ layers: LayerSpec...) -> ModelSpec {
    ModelSpec(input: [3, 8, 6], layers: layers + [.flatten, .dense(units: 10)])
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
      flat(.maxPool2d, .maxPool2d, .conv2d(filters: 4, padding: .valid)), .shapeMismatch,
      ["layer 2 (conv2d)", "3×3", "(3, 2, 1)"]
    ),
    (
      flat(.maxPool2d, .maxPool2d, .maxPool2d), .shapeMismatch,
      ["layer 2 (max_pool2d)", "(3, 2, 1)"]
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
    (flat(.flatten, .maxPool2d), .shapeMismatch, ["layer 1 (max_pool2d)", "(144)"]),
    (flat(.flatten, .batchNorm()), .shapeMismatch, ["layer 1 (batch_norm)"]),
    (flat(.flatten, .dense(units: -1)), .invalidArgument, ["layer 1 (dense)", "units -1"]),
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

  @Test func theTutorialHasItsWeights() throws {
    let spec = try ModelSpec.preset("tutorial", dialect: .pytorch)
    let network = try Network(spec: spec, dialect: .pytorch, seed: 1)
    // Convolutions 287,008, batch norms 896, dense layers 1,049,088 and 5,130.
    #expect(network.parameterCount == 1_342_122)
    #expect(network.parameters.first?.shape == [32, 3, 3, 3])
    #expect(network.parameters.last?.name == "28.bias")
    #expect(try spec.shapes()[24] == .image(channels: 128, height: 4, width: 4))
  }

  @Test func unknownPresetsAreNamed() {
    let error = #expect(throws: CifarError.self) {
      try ModelSpec.preset("resnet", dialect: .keras)
    }
    #expect(error?.message.contains("'resnet'") == true)
    #expect(error?.message.contains("tutorial") == true)
  }

  @Test func jsonComesBack() throws {
    for spec in [SmallModel.spec, try ModelSpec.preset("tutorial", dialect: .keras)] {
      let json = try JSONEncoder().encode(spec)
      #expect(try JSONDecoder().decode(ModelSpec.self, from: json) == spec)
    }
    let short = """
      {"input": [3, 32, 32], "layers": [{"type": "conv2d", "filters": 8},
       {"type": "batch_norm"}, {"type": "flatten"}, {"type": "dense", "units": 10}]}
      """
    let spec = try JSONDecoder().decode(ModelSpec.self, from: Data(short.utf8))
    #expect(spec.layers == [.conv2d(filters: 8), .batchNorm(), .flatten, .dense(units: 10)])
  }

  @Test(arguments: ["{\"type\": \"conv3d\"}", "{\"type\": \"dense\"}", "{}", "7"])
  func wrongJSONIsRefused(layer: String) {
    let json = "{\"input\": [3, 32, 32], \"layers\": [\(layer)]}"
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(ModelSpec.self, from: Data(json.utf8))
    }
    if layer.contains("conv3d") { #expect("\(error!)".contains("unknown layer type 'conv3d'")) }
  }
}
