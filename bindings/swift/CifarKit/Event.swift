import CCifar

/// Something that happens in a training, on the thread that called ``Trainer/run(_:)``.
public enum Event: Equatable, Sendable {
  /// Before training, also when a run is resumed.
  case trainBegin
  /// Before an epoch's first batch; not where an epoch is resumed in its middle.
  case epochBegin(BatchInfo)
  /// Before every batch, with the batches done so far.
  case batchBegin(BatchInfo)
  /// After every batch.
  case batchEnd(BatchInfo)
  /// After an epoch's last batch, before its validation.
  case validationBegin
  /// After the validation, before the epoch's row.
  case validationEnd(ValidationInfo)
  /// After every epoch, when it and its checkpoint are in the registry or wait for it.
  case epochEnd(EpochInfo)
  /// While others hold the registry. To stop then ends the waiting.
  case storageWait(StorageInfo)
  /// When training is over, with the best weights in their place, but not after a failure.
  case trainEnd
}

/// Whether a training goes on.
public enum Answer: Sendable {
  /// It does.
  case proceed
  /// It leaves a checkpoint and ends.
  case stop
}

/// How far the epoch under way is.
public struct BatchInfo: Equatable, Sendable {
  /// From 1.
  public let epoch: Int
  /// At most.
  public let epochs: Int
  /// Batches done in this epoch.
  public let batch: Int
  /// In an epoch.
  public let batches: Int
  /// Training images seen in this epoch.
  public let images: Int
  /// Mean over them.
  public let loss: Double
  /// 0 to 1.
  public let accuracy: Double
  /// Of the batch.
  public let learningRate: Double
  /// That they took.
  public let seconds: Double

  init(_ info: cifar_batch_info) {
    epoch = Int(info.epoch)
    epochs = Int(info.epochs)
    batch = Int(info.batch)
    batches = Int(info.batches)
    images = Int(info.images)
    loss = info.loss
    accuracy = info.accuracy
    learningRate = info.learning_rate
    seconds = info.seconds
  }
}

/// What a pass over the validation images came to.
public struct ValidationInfo: Equatable, Sendable {
  /// From 1.
  public let epoch: Int
  /// Validation images.
  public let images: Int
  /// Mean over them.
  public let loss: Double
  /// 0 to 1.
  public let accuracy: Double
  /// That it took.
  public let seconds: Double

  init(_ info: cifar_validation_info) {
    epoch = Int(info.epoch)
    images = Int(info.images)
    loss = info.loss
    accuracy = info.accuracy
    seconds = info.seconds
  }
}

/// An epoch that has ended.
public struct EpochInfo: Equatable, Sendable {
  /// From 1.
  public let epoch: Int
  /// Mean over the images as they were trained on.
  public let trainLoss: Double
  /// 0 to 1.
  public let trainAccuracy: Double
  /// NaN where nothing was validated.
  public let valLoss: Double
  /// 0 to 1; NaN likewise.
  public let valAccuracy: Double
  /// That the epoch was trained with.
  public let learningRate: Double
  /// The whole epoch, validation included.
  public let seconds: Double
  /// Training images, validation left out.
  public let imagesPerSecond: Double
  /// Processor time of all threads of the process; NaN where it is not known.
  public let cpuSeconds: Double
  /// Bytes that the process had resident at most, since it began; NaN likewise.
  public let peakMemory: Double
  /// The best so far by the recipe's measure. Only while training.
  public let isBest: Bool

  init(_ info: cifar_epoch_info) {
    epoch = Int(info.epoch)
    trainLoss = info.train_loss
    trainAccuracy = info.train_accuracy
    valLoss = info.val_loss
    valAccuracy = info.val_accuracy
    learningRate = info.learning_rate
    seconds = info.seconds
    imagesPerSecond = info.images_per_second
    cpuSeconds = info.cpu_seconds
    peakMemory = info.peak_memory
    isBest = info.is_best != 0
  }
}

/// What waits because others hold the registry.
public struct StorageInfo: Equatable, Sendable {
  /// That wait to be stored; 0 where only the run's end does.
  public let epochs: Int
  /// For which others hold it.
  public let seconds: Double
  /// Until nobody waits any more; nil while it trains.
  public let secondsLeft: Double?

  init(_ info: cifar_storage_info) {
    epochs = Int(info.epochs)
    seconds = info.seconds
    secondsLeft = info.seconds_left < 0 ? nil : info.seconds_left
  }
}
