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
