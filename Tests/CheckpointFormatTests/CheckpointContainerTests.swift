import CheckpointFormat
import CifarCore
import Testing

@Suite struct CheckpointContainerTests {
  private let container = CheckpointContainer(
    hyperparameters: "{}", state: #"{"epoch":1}"#,
    tensors: [
      Tensor(name: "conv.weight", shape: [2], values: [1, 2]),
      Tensor(name: "optimizer.exp_avg.conv.weight", shape: [1], values: [3]),
      Tensor(name: "best.conv.weight", shape: [1], values: [4]),
    ])

  @Test func aContainerComesBack() throws {
    let back = try CheckpointContainer(container.encoded())
    #expect(back.hyperparameters == container.hyperparameters && back.state == container.state)
    #expect(back.tensors == container.tensors)
  }

  /// The best epoch's checkpoint has the best weights twice.
  @Test(arguments: [[1, 2], [.nan, -0.0], []] as [[Float]])
  func equalBestWeightsAreStoredOnce(values: [Float]) throws {
    let model = Tensor(name: "a", shape: [values.count], values: values)
    var container = container
    container.tensors = [model, container.tensors[1], model.named(as: .best)]
    let bytes = try container.encoded()
    let (stored, metadata) = try SafeTensors.decode(bytes)
    #expect(stored.map(\.name) == ["a", "optimizer.exp_avg.conv.weight"])
    #expect(metadata["best"] == "model")
    let back = try CheckpointContainer(bytes)
    #expect(back.tensors.map(\.name) == container.tensors.map(\.name))
    #expect(back.tensors.last?.values.map(\.bitPattern) == values.map(\.bitPattern))
    #expect(try back.encoded() == bytes)
    // A file of before, with both, is read as it was.
    let old = try SafeTensors.encode(
      container.tensors, metadata: metadata.filter { $0.key != "best" })
    #expect(try CheckpointContainer(old).tensors.map(\.name) == container.tensors.map(\.name))
    let both = try SafeTensors.encode(container.tensors, metadata: metadata)
    #expect(throws: CifarError.self) { try CheckpointContainer(both) }
  }

  @Test(arguments: [[0.0], [1, 3]] as [[Float]])
  func otherBestWeightsAreStored(values: [Float]) throws {
    var container = container
    let best = Tensor(name: "best.a", shape: [values.count], values: values)
    container.tensors = [
      Tensor(name: "a", shape: [values.count], values: values.map { -$0 }), best,
    ]
    let back = try CheckpointContainer(container.encoded())
    #expect(back.tensors == container.tensors)
    #expect(try SafeTensors.metadata(of: container.encoded())["best"] == nil)
  }

  @Test func weightsAloneSaySo() throws {
    let bytes = try container.weightsOnly().encoded()
    let back = try CheckpointContainer(bytes)
    #expect(back.isWeightsOnly && back.tensors == [container.tensors[0]])
    #expect(try back.encoded() == bytes)
    #expect(try !CheckpointContainer(container.encoded()).isWeightsOnly)
  }

  @Test func wordsOnItsRunLeaveNoTrace() throws {
    let bytes = try container.encoded()
    let told = try CheckpointContainer.setting(run: #"{"id":"3f2a"}"#, in: bytes)
    #expect(try CheckpointContainer.run(in: told) == #"{"id":"3f2a"}"#)
    #expect(try CheckpointContainer.run(in: bytes) == nil)
    #expect(try CheckpointContainer.setting(run: nil, in: told) == bytes)
  }

  @Test func rolesAreToldByNames() throws {
    #expect(container.tensors.map(\.role) == [.model, .optimizer, .best])
    let best = container.tensors[2].named(as: .model)
    #expect(best.name == "conv.weight" && best.values == [4])
    #expect(best.named(as: .best) == container.tensors[2])
  }

  @Test(arguments: [["format": "libcifar checkpoint 1", "state": "{}"], ["format": "pt"], [:]])
  func anotherSafetensorsFileIsNone(metadata: [String: String]) throws {
    let bytes = try SafeTensors.encode(container.tensors, metadata: metadata)
    let error = #expect(throws: CifarError.self) { try CheckpointContainer(bytes) }
    #expect(error?.code == .badData)
    #expect(error?.message.contains("has no 'libcifar checkpoint 1'") == true)
  }

  @Test func theKindIsToldByTheFirstBytes() throws {
    let bytes = try container.encoded()
    #expect(FileKind.checkpoint.matches(Array(bytes.prefix(FileKind.prefixLength))))
    let other = try SafeTensors.encode(container.tensors, metadata: [:])
    #expect(!FileKind.checkpoint.matches(other))
  }
}
