import CifarCore
import Kernels
import Testing

@testable import CifarNN

/// Where values and gradients lie, without anything being allocated.
@Suite struct MemoryPlanTests {
  @Test func onlyWhatIsDearToComputeIsStored() throws {
    let plan = try plan("tutorial", .training)
    let computed = plan.values.filter { $0.place == .computed }.map(\.name)
    // Batch norm and ReLU; not what was pooled or dropped.
    #expect(computed == ["2", "10", "18"])
    #expect(try self.plan("tutorial", .inference).values.allSatisfy { $0.place != .computed })
  }

  @Test func bytesOfTheTutorial() throws {
    let plan = try plan("tutorial", .training)
    // (64, 32, 32, 32) floats.
    let first = try #require(plan.values.first { $0.name == "0" })
    #expect(plan.bytes(first) == 64 * 32 * 32 * 32 * 4)
    #expect(plan.valueBytes == plan.values.reduce(0) { $0 + plan.bytes($1) })
    // Three buffers in turn, each as large as the largest value.
    #expect(plan.gradients == [32768, 32768, 32768])
    // A mask and an argmax byte for each value after the pools, and the maxima.
    let pooled = 64 * (32 * 256 + 64 * 64 + 128 * 16)
    let sums = 64 * 4 * 3 * 2 * (32 + 64 + 128)
    #expect(plan.stageBytes == pooled * (1 + 1 + 4) + sums)
    let inference = try self.plan("tutorial", .inference)
    #expect(inference.gradients.isEmpty)
    #expect(inference.values.allSatisfy { $0.gradient == nil })
  }

  /// So that a thread writes the same part of the buffer, whichever size an image has.
  @Test func gradientsOfABufferHaveTheSameMiddle() throws {
    let buffer = try AlignedBuffer<Float>(count: 4 * 1024)
    for channels in [16, 8, 2] {
      let activation = try Activation(
        shape: .image(channels: channels * 8, height: 4, width: 2), lanes: 8, batchSize: 4,
        gradient: buffer)
      let gradient = try #require(activation.gradient)
      #expect(gradient + 2 * activation.stride == buffer.pointer + 2 * 1024)
    }
    let whole = try Activation(shape: .flat(1023), lanes: 8, batchSize: 4, gradient: buffer)
    #expect(whole.gradient == buffer.pointer)
  }

  @Test func imagesHaveNoGradientIfAConvolutionReadsThem() throws {
    #expect(try plan("tutorial", .training).values[0].gradient == nil)
    let nodes = try ModelSpec(input: [3, 8, 8], layers: [.relu, .flatten, .dense(units: 2)])
      .nodes()
    #expect(try plan(nodes, .training).values[0].gradient == 0)
  }

  /// Operators that go backward one after the other never find the gradient that they read where
  /// they write theirs, but for the ends of a residual block.
  @Test(arguments: ModelSpec.presetNames)
  func neighboursHaveDifferentGradients(preset: String) throws {
    let plan = try plan(preset, .training)
    for operation in plan.operations {
      switch operation {
      case .convolution(let group, _, let input, let output, let pooled):
        if let gradient = plan.values[input].gradient {
          #expect(gradient != plan.values[output].gradient, "\(group)")
          if let pooled { #expect(gradient != plan.values[pooled].gradient, "\(group)") }
        }
      case .single(_, let input, let output), .dense(_, let input, let output):
        #expect(plan.values[input].gradient != plan.values[output].gradient)
      case .fork(let input, let shortcut):
        #expect(plan.values[input].gradient != plan.values[shortcut].gradient)
        #expect(plan.values[shortcut].place == .shared(with: input))
      case .sum(let group, let layers, let shortcut, let output):
        // All branches of the preset end with a batch norm, or are the identity.
        #expect(group.layersEnd != nil && (group.shortcutEnd != nil || group.shortcut.isEmpty))
        for branch in [layers, shortcut] {
          #expect(plan.values[branch].gradient == plan.values[output].gradient)
        }
      default: break
      }
    }
    for stage in plan.stages {
      #expect(plan.values[stage.input].gradient != plan.values[stage.output].gradient)
    }
  }

  /// The first convolution of a block does the way back of the fork, and of the sum or the stage before
  /// it; no other does, and none where there are no gradients.
  @Test func convolutionsEndTheWayBackBeforeThem() throws {
    for mode in [PlanMode.training, .inference] {
      let plan = try plan("tutorial-resnet", mode)
      var blocks = 0
      for (index, operation) in plan.operations.enumerated() {
        let epilogue = plan.backwardEpilogue(ofOperation: index)
        guard mode == .training, index > 0, case .fork = plan.operations[index - 1] else {
          #expect(epilogue.isEmpty)
          continue
        }
        #expect(epilogue == (index - 2)..<index)
        switch plan.operations[index - 2] {
        case .sum: #expect(blocks > 0)
        case .pointwiseOutput: #expect(blocks == 0)
        default: Issue.record("\(operation)")
        }
        blocks += 1
      }
      #expect(blocks == (mode == .training ? 6 : 0))
    }
  }

  /// A branch that ends with a convolution has a gradient of its own, which the sum copies to.
  @Test func aSumThatCopiesIsNoEpilogue() throws {
    let conv = LayerSpec.conv2d(filters: 16)
    let block = LayerSpec.residual(layers: [conv, .relu, conv])
    let nodes = try ModelSpec(
      input: [16, 8, 8], layers: [conv, .relu, block, block, .flatten, .dense(units: 2)]
    ).resolved(for: .pytorch).nodes()
    let plan = try plan(nodes, .training)
    let epilogues = plan.operations.indices.map { plan.backwardEpilogue(ofOperation: $0) }
    #expect(epilogues.filter { !$0.isEmpty }.map(\.count) == [2, 1])
  }

  @Test func imagesAreStoredAsTheTargetSays() throws {
    let plan = try plan("tutorial", .training, storage: .bfloat16)
    for value in plan.values.dropFirst() {
      switch (value.shape, value.place) {
      case (.image, .stored(let storage)): #expect(storage == .bfloat16)
      case (.flat, .stored(let storage)): #expect(storage == .float32)
      default: #expect(value.place == .computed)
      }
    }
    #expect(plan.values[0].place == .stored(.float32))
    // Half the memory, but for the images and the rows.
    let wide = try self.plan("tutorial", .training)
    let rows = 64 * 4 * (2048 + 512 + 10)
    let same = wide.bytes(wide.values[wide.input]) + rows
    #expect(2 * (plan.valueBytes - same) == wide.valueBytes - same)
  }

  @Test func sizesBeyondAnyMemoryAreCounted() throws {
    #expect(try plan("tutorial", .training, batchSize: 1 << 40).bytes > 1 << 50)
    #expect(throws: CifarError.self) { try plan("tutorial", .training, batchSize: .max) }
  }

  private func plan(
    _ preset: String, _ mode: PlanMode, storage: Storage = .float32, batchSize: Int = 64
  ) throws -> MemoryPlan {
    try plan(
      ModelSpec.preset(preset, dialect: .pytorch).nodes(), mode, storage: storage,
      batchSize: batchSize)
  }

  private func plan(
    _ nodes: [LayerNode], _ mode: PlanMode, storage: Storage = .float32, batchSize: Int = 64
  ) throws -> MemoryPlan {
    try MemoryPlan(
      fuse(nodes, mode), input: nodes[0].input,
      target: PlanTarget(
        mode: mode, batchSize: batchSize, threads: 2, storage: storage,
        tiles: KernelTiles(Kernels.current)))
  }
}
