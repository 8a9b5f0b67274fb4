import CifarCore

/// A batch made ready for a model. Valid until the loader's next call.
public struct Batch {
  /// (count, channels, height, width), augmented and normalised.
  public let images: UnsafePointer<Float>
  /// (count)
  public let labels: UnsafePointer<Int32>
  /// (count), what each image counts in training; nil where all count alike.
  public let weights: UnsafePointer<Float>?
  /// What each image is mixed with; nil where none is.
  public let mixed: MixedLabels?
  public let count: Int
  /// Images of the batch, with those that the loader was not asked for.
  public let total: Int
  /// The batch's place in the epoch, from 0.
  public let index: Int
}

/// Cuts a data set into batches, epoch by epoch, and prepares them on threads of its own while the
/// caller works on the one before.
///
/// Order and augmentation depend on (seed, epoch, sample) alone, what mixes a batch on (seed, epoch,
/// batch): not on the number of workers, not on where in the epoch the loader began, not on anything
/// drawn before. All memory is allocated by `init`. A loader belongs to one thread.
public final class BatchLoader {
  // The workers hold the prefetcher and not the loader, so that the loader can go and end them.
  private let prefetcher: BatchPrefetcher

  /// - Parameters:
  ///   - batchSize: images in a batch; the last one of an epoch has what is left.
  ///   - dropLast: leaves that one out, unless it is the only one.
  ///   - part: which places of a batch of so many images are to be prepared; nil for all.
  ///   - workers: threads that prepare batches; 0 prepares each when it is asked for.
  /// - Throws: `invalidArgument` for a batch size below 1 or options out of range, `outOfMemory`.
  public init(
    dataset: Dataset, batchSize: Int, normalization: Normalization,
    augmentations: [Augmentation], seed: UInt64, shuffle: Bool, dropLast: Bool = false,
    part: ((_ total: Int) -> Range<Int>)? = nil, workers: Int = 1
  ) throws {
    guard batchSize >= 1 else {
      throw CifarError(.invalidArgument, "batch size \(batchSize) is not at least 1")
    }
    try normalization.validate(channels: dataset.shape.channels)
    try Augmentation.validate(augmentations)
    for augmentation in augmentations { try augmentation.validate(for: dataset.shape) }
    prefetcher = try BatchPrefetcher(
      dataset: dataset, batchSize: batchSize, shuffle: shuffle, seed: seed, dropLast: dropLast,
      part: part, workers: workers
    ) {
      BatchPrefetcher.Tools(
        pipeline: try ImagePipeline(
          shape: dataset.shape, normalization: normalization, augmentations: augmentations,
          seed: seed),
        mixer: try BatchMixer(shape: dataset.shape, augmentations: augmentations, seed: seed))
    }
  }

  /// How many workers keep up with a model that so many threads compute, whatever the augmentations. Each
  /// has memory for two batches.
  public static func workers(threads: Int) -> Int { max(1, threads / 16) }

  deinit { prefetcher.close() }

  /// Batches in an epoch, the last smaller one included unless it is dropped.
  public var batchesPerEpoch: Int { prefetcher.batchesPerEpoch }

  /// Begins an epoch.
  ///
  /// - Parameters:
  ///   - epoch: from 1.
  ///   - fromBatch: the first batch to give; those before are skipped, not prepared.
  public func start(epoch: Int, fromBatch: Int = 0) {
    prefetcher.start(epoch: epoch, fromBatch: fromBatch)
  }

  /// The next batch; nil at the end of the epoch.
  public func next() -> Batch? { prefetcher.next() }

  /// Ends the epoch early.
  public func stop() { prefetcher.stop() }
}
