import CifarCore
import Kernels

/// Batch normalisation → ReLU → 2×2 max-pool → dropout on images, each of them optional, in one
/// pass over memory.
///
/// What a layer needs for its backward pass is the input, for each pooled value a byte (which of the
/// four it was) and its input, and one byte a value that dropout may drop.
///
/// Between two convolutions it works on the images that they are at: the one before it has sums taken
/// of what it has just written, the one behind it has its images made just before it reads them.
/// Where that is cheap they are not even kept, but made again for the backward pass. Gradients go the
/// other way in the same manner.
final class PointwiseBlock: Layer, ImageSource {
  struct Parts {
    var norm: BatchNormalization?
    var relu = false
    var pool = false
    var dropout: Dropout?
  }

  private let input: Activation
  let output: Activation
  private let parts: Parts
  private let context: LayerContext
  private let groups: Int
  private let height: Int
  private let width: Int
  private let outputPixels: Int
  /// (N, C/lanes, H/2, W/2, lanes)
  private let choice: AlignedBuffer<UInt8>
  /// What the pool chose before it was normalised, of the same shape: the moments of the backward
  /// pass need a quarter of the input, and this saves them from searching for it.
  private let chosen: AlignedBuffer<Float>?
  /// (N, C/lanes, output pixels, lanes)
  private let mask: AlignedBuffer<UInt8>
  /// (N, C/lanes, 2, lanes): two sums over a plane.
  private let planeSums: AlignedBuffer<Float>
  /// (C/lanes, lanes): the scale, slope and constant of a block without normalisation.
  private let ones: AlignedBuffer<Float>
  private let zeros: AlignedBuffer<Float>
  private let desks: PlaneDesks
  /// Whether the layer before it calls `gatherStatistics` for all images.
  private var isFed = false
  /// Whether the layer behind it asks for its images and calls `gatherGradient` for all of them.
  private let isDrawn: Bool
  /// Whether the images stay in `output`.
  let keepsImages: Bool
  /// Images that a worker has room for, where they are not kept.
  private var roomImages = 0
  private var pass = Pass(count: 0, training: false)

  /// Whether nothing is lost if the images are not kept.
  static func isCheap(_ parts: Parts) -> Bool { !parts.pool && parts.dropout == nil }

  /// - Parameters:
  ///   - isDrawn: whether a convolution that knows it follows.
  ///   - output: without memory if nobody else reads it and it `isCheap`.
  init(
    parts: Parts, input: Activation, output: Activation, isDrawn: Bool = false,
    context: LayerContext
  ) throws {
    guard case .image(let channels, let height, let width) = input.shape else {
      throw CifarError(.internal, "a pointwise block needs an image, not \(input.shape)")
    }
    self.parts = parts
    self.input = input
    self.output = output
    self.isDrawn = isDrawn
    keepsImages = output.isKept
    self.context = context
    self.height = height
    self.width = width
    let lanes = context.kernels.lanes
    groups = blocks(channels, of: lanes)
    outputPixels = parts.pool ? (height / 2) * (width / 2) : height * width
    let outputs = context.batchSize * output.stride
    choice = AlignedBuffer(count: parts.pool ? outputs : 0)
    chosen =
      parts.pool && parts.norm != nil && context.training ? AlignedBuffer(count: outputs) : nil
    mask = AlignedBuffer(count: parts.dropout != nil && context.training ? outputs : 0)
    planeSums = AlignedBuffer(count: parts.norm == nil ? 0 : context.batchSize * groups * 2 * lanes)
    ones = AlignedBuffer(count: groups * lanes)
    ones.fill(1)
    zeros = AlignedBuffer(count: groups * lanes)
    desks = PlaneDesks(2, size: height * width * lanes, context: context)
  }

  /// To be called by a convolution that will call `beginStatistics`, `gatherStatistics` with
  /// whatever it has written, and will ask `Gradients` for all that it reads.
  func takeFeed() { isFed = true }

  /// Makes room for so many images a worker, where they are not kept.
  func reserveRoom(images: Int) {
    guard !keepsImages else { return }
    roomImages = max(roomImages, images)
    context.scratch.reserve(context.pool.threads * roomImages * output.stride, for: .images)
  }

  // MARK: Forward

  func forward(_ pass: Pass) {
    self.pass = pass
    if let norm = parts.norm {
      if pass.training {
        if !isFed {
          beginStatistics()
          context.pool.forEach(pass.count * groups) { gatherStatistics(plane: $0, $1) }
        }
        norm.useBatch(sums: { total($0, pass.count) }, count: pass.count * height * width)
      } else {
        norm.useRunningStatistics()
      }
    }
    if !isDrawn { makeAll(pass.count, at: output.stored) }
  }

  func beginStatistics() { parts.norm?.beginBatch() }

  func gatherStatistics(_ images: Range<Int>, _ worker: Int) {
    for plane in planes(images) { gatherStatistics(plane: plane, worker) }
  }

  private func gatherStatistics(plane: Int, _ worker: Int) {
    guard let norm = parts.norm else { return }
    let lanes = context.kernels.lanes
    let sums = planeSums.pointer + plane * 2 * lanes
    context.kernels.planeMoments(
      values(plane, worker), pixels: height * width,
      shift: norm.shift.pointer + plane % groups * lanes, sum: sums, squares: sums + lanes)
  }

  /// - Parameter to: where the batch begins.
  private func makeAll(_ count: Int, at to: Values) {
    let size = outputPixels * context.kernels.lanes
    context.pool.forEach(count * groups) { plane, worker in
      make(plane, at: to + plane * size, worker)
    }
  }

  private func make(_ plane: Int, at place: Values, _ worker: Int) {
    let kernels = context.kernels
    let lanes = kernels.lanes
    let channel = plane % groups * lanes
    let scale = (parts.norm?.scale ?? ones).pointer + channel
    let offset = (parts.norm?.offset ?? zeros).pointer + channel
    let first = plane * outputPixels * lanes
    let from = values(plane, worker)
    let to = desks.write(place, worker: worker, desk: 1)
    if parts.pool {
      kernels.planeForwardPool(
        from, height: height, width: width, scale: scale, offset: offset, relu: parts.relu,
        output: to, choice: choice.pointer + first, chosen: chosen.map { $0.pointer + first })
    } else {
      kernels.planeForward(
        from, pixels: height * width, scale: scale, offset: offset, relu: parts.relu, output: to)
    }
    let count = outputPixels * lanes
    if let dropout = parts.dropout, pass.training {
      kernels.dropout(
        to, count: count, mask: mask.pointer + first,
        draw: dropout.draw(pass, run: plane, of: count, lanes: lanes), scale: dropout.scale)
    }
    desks.keep(place, count: count, worker: worker, desk: 1)
  }

  // MARK: As a source of images

  func upcoming(
    _ images: Range<Int>, groups wanted: Range<Int>, layout: ImageLayout
  ) -> Upcoming {
    Upcoming(
      inputLayout.region(images, groups: wanted, of: input.stored),
      keepsImages ? layout.region(images, groups: wanted, of: output.stored) : nil,
      chosen.map { layout.region(images, groups: wanted, of: Values($0.pointer)) })
  }

  func images(_ images: Range<Int>, groups wanted: Range<Int>, worker: Int) -> Values {
    let size = outputPixels * context.kernels.lanes
    let batch = keepsImages ? output.stored : room(worker, from: images.lowerBound)
    for image in images {
      for group in wanted {
        let plane = image * groups + group
        make(plane, at: batch + plane * size, worker)
      }
    }
    return batch
  }

  func batch(_ count: Int) -> Values? {
    guard keepsImages || count <= roomImages * context.pool.threads else { return nil }
    let batch = keepsImages ? output.stored : room(0, from: 0)
    makeAll(count, at: batch)
    return batch
  }

  /// Where the batch would begin, if image `first` begins where a worker has room.
  private func room(_ worker: Int, from first: Int) -> Values {
    Values(context.scratch.pointer(for: .images))
      + (worker * roomImages - first) * output.stride
  }

  // MARK: Backward

  func backward(_ pass: Pass) {
    if !isDrawn {
      context.pool.forEach(pass.count * groups) { gatherGradient(plane: $0, $1) }
    }
    parts.norm?.useGradients(
      sums: { total($0, pass.count) }, count: pass.count * height * width)
    if !isFed { makeGradients(pass.count) }
  }

  private func makeGradients(_ count: Int) {
    context.pool.forEach(count * groups) { plane, worker in makeGradient(plane, worker) }
  }

  private func makeGradient(_ plane: Int, _ worker: Int) {
    guard let gradients = output.gradient, let inputGradient = input.gradient else { return }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let channel = plane % groups * lanes
    let scale = (parts.norm?.scale ?? ones).pointer + channel
    let slope = (parts.norm?.slope ?? zeros).pointer + channel
    let constant = (parts.norm?.constant ?? zeros).pointer + channel
    let x = values(plane, worker)
    let first = plane * outputPixels * lanes
    let dx = inputGradient + plane * height * width * lanes
    if parts.pool {
      kernels.planeBackwardPool(
        x, gradient: gradients + first, choice: choice.pointer + first, height: height,
        width: width, scale: scale, slope: slope, constant: constant, dx: dx)
    } else {
      kernels.planeBackward(
        x, gradient: gradients + first, pixels: height * width, scale: scale,
        offset: (parts.norm?.offset ?? zeros).pointer + channel, relu: parts.relu, slope: slope,
        constant: constant, dx: dx)
    }
  }

  /// The gradients of a block's input, where a convolution asks for them.
  struct Gradients: ImageSource {
    private let block: PointwiseBlock

    init(of block: PointwiseBlock) { self.block = block }

    private var place: Values? { block.input.gradient.map { Values($0) } }

    func upcoming(
      _ images: Range<Int>, groups: Range<Int>, layout: ImageLayout
    ) -> Upcoming {
      let output = ImageLayout(
        groups: block.groups, plane: block.outputPixels * block.context.kernels.lanes)
      return Upcoming(
        layout.region(images, groups: groups, of: block.input.stored),
        place.map { layout.region(images, groups: groups, of: $0) },
        block.output.gradient.map { output.region(images, groups: groups, of: Values($0)) })
    }

    func images(_ images: Range<Int>, groups: Range<Int>, worker: Int) -> Values {
      for image in images {
        for group in groups { block.makeGradient(image * block.groups + group, worker) }
      }
      return place.unsafelyUnwrapped
    }

    func batch(_ count: Int) -> Values? {
      block.makeGradients(count)
      return place
    }
  }

  /// Takes dropout out of the output's gradient and its sums.
  func gatherGradient(_ images: Range<Int>, _ worker: Int) {
    for plane in planes(images) { gatherGradient(plane: plane, worker) }
  }

  private func gatherGradient(plane: Int, _ worker: Int) {
    guard let gradients = output.gradient else { return }
    let kernels = context.kernels
    let lanes = kernels.lanes
    let first = plane * outputPixels * lanes
    let gradient = gradients + first
    if let dropout = parts.dropout {
      kernels.applyMask(
        gradient, count: outputPixels * lanes, mask: mask.pointer + first, scale: dropout.scale)
    }
    guard let norm = parts.norm else { return }
    let channel = plane % groups * lanes
    let sums = planeSums.pointer + plane * 2 * lanes
    if let chosen {
      kernels.planeBackwardPoolMoments(
        chosen.pointer + first, gradient: gradient, choice: choice.pointer + first,
        pixels: outputPixels, mean: norm.mean.pointer + channel, sum: sums,
        products: sums + lanes)
    } else {
      kernels.planeBackwardMoments(
        values(plane, worker), gradient: gradient, pixels: height * width,
        scale: norm.scale.pointer + channel, offset: norm.offset.pointer + channel,
        relu: parts.relu, mean: norm.mean.pointer + channel, sum: sums, products: sums + lanes)
    }
  }

  // MARK: Planes

  private var inputLayout: ImageLayout {
    ImageLayout(groups: groups, plane: height * width * context.kernels.lanes)
  }

  private func planes(_ images: Range<Int>) -> Range<Int> {
    (images.lowerBound * groups)..<(images.upperBound * groups)
  }

  /// A plane of the input.
  private func values(_ plane: Int, _ worker: Int) -> UnsafePointer<Float> {
    let count = height * width * context.kernels.lanes
    return desks.read(input.stored + plane * count, count: count, worker: worker)
  }

  /// The two sums of a channel over all images, added in the order of the images.
  private func total(_ channel: Int, _ count: Int) -> (Double, Double) {
    let lanes = context.kernels.lanes
    var first = 0.0
    var second = 0.0
    for image in 0..<count {
      let sums =
        planeSums.pointer + (image * groups + channel / lanes) * 2 * lanes + channel % lanes
      first += Double(sums[0])
      second += Double(sums[lanes])
    }
    return (first, second)
  }
}
