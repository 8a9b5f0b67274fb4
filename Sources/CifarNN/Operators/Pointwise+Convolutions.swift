import CifarCore
import Kernels

// What of a pointwise stage the convolutions around it do, on the images that they are at.

extension Pointwise {
  /// The output as a prologue of the convolution that reads it.
  ///
  /// - Parameter capacity: images of a worker's scratch memory, used where the output is not stored.
  func outputs(_ pass: Pass, capacity: Int) -> any ImageProducer {
    Outputs(stage: self, pass: pass, capacity: capacity)
  }

  /// The moments of the input as an epilogue of the convolution that writes it.
  var moments: any ImageConsumer { Moments(stage: self) }

  /// The output as an epilogue of the convolution that writes the input.
  ///
  /// - Parameter next: the stage that takes the moments of the output.
  func pooling(_ pass: Pass, next: Pointwise?) -> any ImageConsumer {
    Pooling(stage: self, next: pass.training ? next : nil, pass: pass)
  }

  /// The gradient of the input, for the backward pass of the convolution that wrote it.
  ///
  /// - Parameter capacity: images of a worker's scratch memory; nil if the gradient is stored.
  func inputGradients(capacity: Int?) -> any ImageProducer {
    InputGradients(stage: self, capacity: capacity)
  }

  /// The sums over the gradient of the output, for the backward pass of the convolution that read
  /// it.
  var gradientSums: any ImageConsumer { GradientSums(stage: self) }

  fileprivate func planes(_ images: Range<Int>) -> Range<Int> {
    (images.lowerBound * groups)..<(images.upperBound * groups)
  }
}

// MARK: - Forward

private struct Outputs: ImageProducer {
  let stage: Pointwise
  let pass: Pass
  let capacity: Int

  private var isStored: Bool { stage.output.isStored }

  func prefetchRanges(_ images: Range<Int>, groups: Range<Int>, layout: ImageLayout)
    -> PrefetchRanges
  {
    PrefetchRanges(
      stage.inputLayout.region(images, groups: groups, of: stage.input.stored),
      isStored ? layout.region(images, groups: groups, of: stage.output.stored) : nil,
      stage.chosen.map { layout.region(images, groups: groups, of: Values($0.pointer)) })
  }

  func images(_ images: Range<Int>, groups: Range<Int>, worker: Int) -> Values {
    let size = stage.outputLayout.plane
    let batch = batch(worker, from: images.lowerBound)
    for image in images {
      for group in groups {
        let plane = image * stage.groups + group
        stage.compute(plane, pass, to: batch + plane * size, worker)
      }
    }
    return batch
  }

  func batch(_ count: Int) -> Values? {
    guard isStored || count <= capacity else { return nil }
    let batch = batch(0, from: 0)
    stage.computeAll(pass, to: batch)
    return batch
  }

  /// Where the batch would begin, if image `first` begins a worker's scratch memory.
  private func batch(_ worker: Int, from first: Int) -> Values {
    if isStored { return stage.output.stored }
    return Values(
      stage.context.scratch.pointer(worker: worker, for: .images) - first * stage.output.stride)
  }
}

private struct Moments: ImageConsumer {
  let stage: Pointwise

  func consume(_ images: Range<Int>, worker: Int) {
    for plane in stage.planes(images) { stage.takeMoments(plane: plane) }
  }

  func prefetchRanges(_ images: Range<Int>) -> Region? { nil }
}

private struct Pooling: ImageConsumer {
  let stage: Pointwise
  let next: Pointwise?
  let pass: Pass

  func consume(_ images: Range<Int>, worker: Int) {
    for plane in stage.planes(images) { consume(plane: plane, worker) }
  }

  func consume(batch count: Int, _ pool: ThreadPool) {
    pool.forEach(stage.planes(0..<count).count) { plane, worker in consume(plane: plane, worker) }
  }

  private func consume(plane: Int, _ worker: Int) {
    stage.compute(
      plane, pass, to: stage.output.stored + plane * stage.outputLayout.plane, worker)
    next?.takeMoments(plane: plane)
  }

  /// Where the output goes.
  func prefetchRanges(_ images: Range<Int>) -> Region? {
    stage.outputLayout.region(images, groups: 0..<stage.groups, of: stage.output.stored)
  }
}

// MARK: - Backward

private struct InputGradients: ImageProducer {
  let stage: Pointwise
  let capacity: Int?

  func prefetchRanges(_ images: Range<Int>, groups: Range<Int>, layout: ImageLayout)
    -> PrefetchRanges
  {
    let gradient = stage.output.gradient.map { Values($0) }
    let written = capacity == nil ? stage.input.gradient.map { Values($0) } : nil
    return PrefetchRanges(
      layout.region(images, groups: groups, of: stage.input.stored),
      gradient.map { stage.outputLayout.region(images, groups: groups, of: $0) },
      written.map { layout.region(images, groups: groups, of: $0) })
  }

  func images(_ images: Range<Int>, groups: Range<Int>, worker: Int) -> Values {
    let size = stage.inputLayout.plane
    let batch = batch(worker, from: images.lowerBound)
    for image in images {
      for group in groups {
        let plane = image * stage.groups + group
        stage.computeGradient(plane, to: batch + plane * size)
      }
    }
    return Values(batch)
  }

  func batch(_ count: Int) -> Values? {
    if let capacity, count > capacity { return nil }
    let batch = batch(0, from: 0)
    stage.computeGradients(count, to: batch)
    return Values(batch)
  }

  /// Where the batch would begin, if image `first` begins a worker's scratch memory.
  private func batch(_ worker: Int, from first: Int) -> UnsafeMutablePointer<Float> {
    if capacity == nil, let gradient = stage.input.gradient { return gradient }
    return stage.context.scratch.pointer(worker: worker, for: .gradients)
      - first * stage.input.stride
  }
}

private struct GradientSums: ImageConsumer {
  let stage: Pointwise

  func consume(_ images: Range<Int>, worker: Int) {
    for plane in stage.planes(images) { stage.takeGradientSums(plane: plane) }
  }

  func prefetchRanges(_ images: Range<Int>) -> Region? {
    if let chosen = stage.chosen {
      return stage.outputLayout.region(
        images, groups: 0..<stage.groups, of: Values(chosen.pointer))
    }
    return stage.inputLayout.region(images, groups: 0..<stage.groups, of: stage.input.stored)
  }
}
