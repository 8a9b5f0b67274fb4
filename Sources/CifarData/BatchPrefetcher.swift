import CifarCore
import Glibc

/// Where batches are made: a ring of slots, and workers that fill them in order.
final class BatchPrefetcher: @unchecked Sendable {
  private let batchSize: Int
  private let dataset: Dataset
  private let shuffle: Bool
  private let seed: UInt64
  private let part: ((Int) -> Range<Int>)?
  private let tools: [Tools]
  private let slots: [Slot]
  private let order: AlignedBuffer<Int32>
  private var epoch = 0

  private let lock = ConditionLock()
  private var threads: [WorkerThread] = []
  private let owner = getpid()
  // Under the lock:
  /// The next batch that a worker will begin.
  private var nextToFill = 0
  /// The batch that the caller will be given next.
  private var nextToGive = 0
  private var workersBusy = 0
  private var ended = false

  init(
    dataset: Dataset, batchSize: Int, shuffle: Bool, seed: UInt64, dropLast: Bool = false,
    part: ((Int) -> Range<Int>)? = nil, workers: Int, makeTools: () throws -> Tools
  ) throws {
    self.dataset = dataset
    self.batchSize = batchSize
    self.shuffle = shuffle
    self.seed = seed
    self.part = part
    batchesPerEpoch =
      dropLast
      ? max(1, dataset.count / batchSize) : (dataset.count + batchSize - 1) / batchSize
    // A part of a smaller batch may have one more.
    let whole = min(batchSize, dataset.count)
    let size = part.map { min(whole, $0(whole).count + 1) } ?? whole
    // The last ones are the caller's own.
    let tools = try (0...max(0, workers)).map { _ in try makeTools() }
    self.tools = tools
    // One batch is with the caller, each worker has one under way and one ready.
    slots = try (0..<(1 + 2 * max(0, workers))).map { _ in
      try Slot(
        capacity: size, imageSize: dataset.shape.count, isWeighted: dataset.sampleWeights != nil,
        isMixed: tools[0].mixer != nil)
    }
    order = try AlignedBuffer(count: dataset.count, for: "the order of the images")
    for i in 0..<order.count { order[i] = Int32(i) }
    nextToFill = batchesPerEpoch
    nextToGive = batchesPerEpoch
    for worker in 0..<max(0, workers) {
      let thread = WorkerThread { self.serve(worker) }
      if thread.isRunning { threads.append(thread) }
    }
  }

  /// Ends the workers.
  func close() {
    guard owner == getpid() else { return }
    lock.withLock {
      ended = true
      lock.wakeAll()
    }
    for thread in threads { thread.join() }
    threads = []
  }

  let batchesPerEpoch: Int

  func start(epoch: Int, fromBatch: Int = 0) {
    lock.withLock {
      nextToFill = batchesPerEpoch
      waitForWorkers()
      self.epoch = epoch
      if shuffle { shuffleOrder() }
      for slot in slots { slot.batch = -1 }
      nextToGive = min(fromBatch, batchesPerEpoch)
      nextToFill = nextToGive
      lock.wakeAll()
    }
  }

  func next() -> Batch? {
    // A fork copies no threads: the child prepares its batches itself.
    guard !threads.isEmpty, owner == getpid() else { return nextInPlace() }
    return lock.withLock {
      guard nextToGive < batchesPerEpoch else { return nil }
      // The slot that the caller had until now may be filled again.
      nextToGive += 1
      lock.wakeAll()
      let index = nextToGive - 1
      let slot = slots[index % slots.count]
      while slot.batch != index { lock.wait() }
      return view(slot, index)
    }
  }

  private func view(_ slot: Slot, _ index: Int) -> Batch {
    slot.view(index: index, count: places(of: index).count, total: count(of: index))
  }

  /// What of a batch is prepared.
  private func places(of index: Int) -> Range<Int> {
    let total = count(of: index)
    return part?(total) ?? 0..<total
  }

  func stop() {
    lock.withLock {
      nextToFill = batchesPerEpoch
      nextToGive = batchesPerEpoch
      waitForWorkers()
    }
  }

  /// Under the lock. A child of `fork` has no workers: those counted are the parent's.
  private func waitForWorkers() {
    if owner != getpid() { workersBusy = 0 }
    while workersBusy > 0 { lock.wait() }
  }

  private func nextInPlace() -> Batch? {
    guard nextToGive < batchesPerEpoch else { return nil }
    let index = nextToGive
    nextToGive += 1
    fill(slots[0], index, tools[tools.count - 1])
    return view(slots[0], index)
  }

  private func count(of index: Int) -> Int {
    min(batchSize, dataset.count - index * batchSize)
  }

  /// Fisher and Yates, with the random numbers of this epoch.
  private func shuffleOrder() {
    var random = RandomSequence(seed: seed, purpose: .shuffle, major: UInt32(epoch))
    let span = order.span
    for i in span.indices { span[i] = Int32(i) }
    for i in span.indices.reversed() where i > 0 { span.swapAt(i, random.below(i + 1)) }
  }

  // MARK: Workers

  private func serve(_ worker: Int) {
    while let (slot, index) = claim() {
      fill(slot, index, tools[worker])
      lock.withLock {
        slot.batch = index
        workersBusy -= 1
        lock.wakeAll()
      }
    }
  }

  /// Waits for a batch to be prepared and a free slot; nil when the loader goes.
  private func claim() -> (Slot, Int)? {
    lock.withLock {
      while true {
        if ended { return nil }
        // A slot is free once the caller has asked for a batch after the one that was in it.
        if nextToFill < batchesPerEpoch, nextToFill < nextToGive + slots.count - 1 {
          let index = nextToFill
          nextToFill += 1
          workersBusy += 1
          return (slots[index % slots.count], index)
        }
        lock.wait()
      }
    }
  }

  private func fill(_ slot: Slot, _ index: Int, _ tools: Tools) {
    let size = dataset.shape.count
    let places = places(of: index)
    for place in 0..<places.count {
      let sample = sample(places.lowerBound + place, of: index)
      slot.labels[place] = dataset.labels[sample]
      if let weights = dataset.sampleWeights { slot.weights?[place] = weights[sample] }
      tools.pipeline.run(
        dataset.images.pointer + sample * size, epoch: epoch, sample: sample,
        to: slot.images.pointer + place * size)
    }
    slot.mix = places.isEmpty ? nil : tools.mixer?.draw(epoch: epoch, batch: index)
    if let mix = slot.mix { self.mix(slot, mix, index, tools) }
  }

  /// The image at a place of a batch.
  private func sample(_ place: Int, of index: Int) -> Int {
    Int(order[index * batchSize + place])
  }

  /// Mixes each image with the one before it in the batch, the batch's first with its last; where only
  /// a part is here, its first with one that is made for it.
  private func mix(_ slot: Slot, _ mix: ImageMix, _ index: Int, _ tools: Tools) {
    guard let mixer = tools.mixer else { return }
    let (places, total) = (places(of: index), count(of: index))
    let before = sample((places.lowerBound + total - 1) % total, of: index)
    if places.count == total {
      mixer.setBefore(slot.images.pointer + (total - 1) * dataset.shape.count)
    } else {
      tools.pipeline.run(
        dataset.images.pointer + before * dataset.shape.count, epoch: epoch, sample: before,
        to: mixer.before.pointer)
    }
    mixer.apply(mix, to: slot.images.pointer, count: places.count)
    slot.setOthers(
      first: dataset.labels[before], weight: dataset.sampleWeights?[before], count: places.count)
  }

  /// What one thread prepares batches with.
  struct Tools {
    let pipeline: ImagePipeline
    /// nil where nothing mixes images.
    let mixer: BatchMixer?
  }

  /// Memory for one batch.
  private final class Slot {
    /// (capacity, channels, height, width)
    let images: AlignedBuffer<Float>
    let labels: AlignedBuffer<Int32>
    let weights: AlignedBuffer<Float>?
    /// (capacity), of the images that those here are mixed with.
    private let otherLabels: AlignedBuffer<Int32>?
    private let otherWeights: AlignedBuffer<Float>?
    /// How they were mixed; nil if they were not.
    var mix: ImageMix?
    /// The batch that lies here; -1 for none.
    var batch = -1

    init(capacity: Int, imageSize: Int, isWeighted: Bool, isMixed: Bool) throws {
      images = try AlignedBuffer(count: capacity * imageSize, for: "the batches made ready")
      labels = try AlignedBuffer(count: capacity)
      weights = isWeighted ? try AlignedBuffer(count: capacity) : nil
      otherLabels = isMixed ? try AlignedBuffer(count: capacity) : nil
      otherWeights = isMixed && isWeighted ? try AlignedBuffer(count: capacity) : nil
    }

    /// Notes with which labels, and weights, the images are mixed: those of the image before.
    ///
    /// - Parameters:
    ///   - first: the label that the first image is mixed with.
    ///   - weight: its image's.
    func setOthers(first: Int32, weight: Float?, count: Int) {
      guard let otherLabels else { return }
      for place in 0..<count {
        otherLabels[place] = place == 0 ? first : labels[place - 1]
        guard let weights, let weight else { continue }
        otherWeights?[place] = place == 0 ? weight : weights[place - 1]
      }
    }

    func view(index: Int, count: Int, total: Int) -> Batch {
      Batch(
        images: UnsafePointer(images.pointer), labels: UnsafePointer(labels.pointer),
        weights: weights.map { UnsafePointer($0.pointer) }, mixed: mixedLabels, count: count,
        total: total, index: index)
    }

    private var mixedLabels: MixedLabels? {
      guard let mix, let otherLabels else { return nil }
      return MixedLabels(
        labels: UnsafePointer(otherLabels.pointer),
        weights: otherWeights.map { UnsafePointer($0.pointer) }, share: Float(mix.share))
    }
  }
}
