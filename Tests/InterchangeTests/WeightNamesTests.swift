import CheckpointFormat
import CifarCore
import CifarNN
import Interchange
import TestSupport
import Testing

/// What weights are called elsewhere, and how they come in.
@Suite struct WeightNamesTests {
  private func tensors(_ preset: String) throws -> (tensors: [Tensor], nodes: [LayerNode]) {
    let spec = try ModelSpec.preset(preset, dialect: .pytorch)
    return (
      try Network(spec: spec, dialect: .pytorch, seed: 1).stateTensors(), try spec.nodes()
    )
  }

  @Test func namesOfTheTutorialsClass() throws {
    let (tensors, nodes) = try tensors("tutorial")
    #expect(WeightNames.usual(for: nodes) == .tutorial)
    let (named, norms) = try WeightNames.tutorial.named(tensors, of: nodes)
    let names = named.map(\.name)
    #expect(
      names.prefix(8) == [
        "conv_block1.0.weight", "conv_block1.0.bias", "conv_block1.1.weight",
        "conv_block1.1.bias", "conv_block1.3.weight", "conv_block1.3.bias",
        "conv_block1.4.weight", "conv_block1.4.bias",
      ])
    #expect(names.contains("conv_block3.4.running_var"))
    #expect(named.first { $0.name == "fc.1.weight" }?.shape == [512, 2048])
    #expect(named.first { $0.name == "fc.4.bias" }?.shape == [10])
    #expect(norms.prefix(3) == ["conv_block1.1", "conv_block1.4", "conv_block2.1"])
  }

  @Test func poolingOverTheImageIsTwoModules() throws {
    let (tensors, nodes) = try tensors("tutorial-gap")
    let flat = try WeightNames.sequential.named(tensors, of: nodes).tensors.map(\.name)
    // 24 is AdaptiveAvgPool2d, 25 Flatten.
    #expect(flat.contains("26.weight"))
    #expect(!flat.contains("25.weight"))
    let own = try WeightNames.tutorial.named(tensors, of: nodes).tensors.map(\.name)
    #expect(own.contains("fc.2.weight"))
    #expect(own.contains("fc.5.bias"))
  }

  @Test func aModelOfAnotherKindHasNoNamesOfTheTutorial() throws {
    let (tensors, nodes) = try tensors("tutorial-resnet")
    #expect(WeightNames.usual(for: nodes) == .sequential)
    let error = failure { try WeightNames.tutorial.named(tensors, of: nodes) }
    #expect(error?.code == .unsupported)
    let names = try WeightNames.sequential.named(tensors, of: nodes).tensors.map(\.name)
    #expect(names.contains("7.shortcut.0.weight"))
    #expect(names.contains("17.weight"))
  }

  /// The tutorial's class would look for the biases in vain. A class of one's own without them may have
  /// its names all the same.
  @Test func aModelWithoutBiasesIsNotForTheTutorialsClass() throws {
    var spec = try ModelSpec.preset("tutorial", dialect: .pytorch)
    spec.layers[0] = .conv2d(filters: 32, bias: false)
    spec = spec.resolved(for: .pytorch)
    let tensors = try Network(spec: spec, dialect: .pytorch, seed: 1).stateTensors()
    let nodes = try spec.nodes()
    #expect(WeightNames.usual(for: nodes) == .sequential)
    let named = try WeightNames.tutorial.named(tensors, of: nodes).tensors
    #expect(named.prefix(2).map(\.name) == ["conv_block1.0.weight", "conv_block1.1.weight"])
    let weights = try ForeignWeights(try SafeTensors.encode(named, metadata: [:]))
    let found = try weights.tensors(for: spec)
    #expect(found.sorted { $0.name < $1.name } == tensors.sorted { $0.name < $1.name })
  }

  @Test(arguments: ["", "module.", "model.net."], WeightNames.allCases)
  func everyWayOfNamingComesIn(prefix: String, names: WeightNames) throws {
    for preset in ["tutorial", "tutorial-gap"] {
      let (tensors, nodes) = try tensors(preset)
      let renamed = try names.named(tensors, of: nodes).tensors.map {
        Tensor(name: prefix + $0.name, shape: $0.shape, values: $0.values)
      }
      let bytes = try SafeTensors.encode(
        renamed, counters: [("\(prefix)x.num_batches_tracked", 7)], metadata: [:])
      let weights = try ForeignWeights(bytes)
      let spec = try ModelSpec.preset(preset, dialect: .pytorch)
      #expect(try weights.classes(of: spec) == 10)
      let found = try weights.tensors(for: spec)
      #expect(
        found.sorted { $0.name < $1.name } == tensors.sorted { $0.name < $1.name })
    }
  }

  @Test func faultsNameTheTensor() throws {
    let (tensors, nodes) = try tensors("tutorial")
    let good = try WeightNames.tutorial.named(tensors, of: nodes).tensors
    let spec = try ModelSpec.preset("tutorial", dialect: .pytorch)
    func message(_ tensors: [Tensor]) throws -> String? {
      let weights = try ForeignWeights(try SafeTensors.encode(tensors, metadata: [:]))
      return failure { try weights.tensors(for: spec) }?.message
    }
    var changed = good
    changed[0].shape = [3, 32, 3, 3]
    #expect(
      try message(changed)
        == "tensor 'conv_block1.0.weight' has the shape [3, 32, 3, 3], layer 0 (conv2d) of the "
        + "model needs [32, 3, 3, 3]")
    #expect(
      try message(Array(good.dropFirst()))
        == "the weights have no tensor 'conv_block1.0.weight', which layer 0 (conv2d) of the model "
        + "needs in the shape [32, 3, 3, 3]")
    #expect(
      try message(good + [Tensor(name: "fc.7.weight", shape: [2], values: [1, 2])])
        == "the model has no tensor 'fc.7.weight', which the weights have in the shape [2]")
    changed = good
    changed[3].values[5] = .nan
    #expect(
      try message(changed)
        == "the weights can't be used: tensor 'conv_block1.1.bias' has nan at [5], not a finite "
        + "number")
    let stranger = [Tensor(name: "features.conv.w", shape: [1], values: [1])]
    #expect(try message(stranger)?.contains("names like 'features.conv.w'") == true)
  }
}
