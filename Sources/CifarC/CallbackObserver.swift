// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCifar
import Cifar
import CifarCore
import CifarTraining
import Glibc

extension cifar_trainer_callbacks {
  static var defaults: cifar_trainer_callbacks {
    var callbacks = cifar_trainer_callbacks()
    callbacks.struct_size = UInt32(MemoryLayout<cifar_trainer_callbacks>.size)
    return callbacks
  }
}

/// Tells the host's callbacks of one training.
final class CallbackObserver: RunObserver {
  private let callbacks: cifar_trainer_callbacks
  private let process = getpid()
  /// What a callback returned to stop the training.
  private(set) var stop: (name: String, value: Int32)?

  init(_ callbacks: cifar_trainer_callbacks) { self.callbacks = callbacks }

  var waitsForStorage: Bool { callbacks.on_epoch_end != nil }

  func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
    switch event {
    case .trainBegin: try ask(callbacks.on_train_begin, "train begin")
    case .epochBegin(let progress):
      try ask(callbacks.on_epoch_begin, "epoch begin", cifar_batch_info(progress))
    case .batchBegin(let progress):
      try ask(callbacks.on_batch_begin, "batch begin", cifar_batch_info(progress))
    case .batchEnd(let progress):
      try ask(callbacks.on_batch_end, "batch", cifar_batch_info(progress))
    case .validationBegin: try ask(callbacks.on_validation_begin, "validation begin")
    case .validationEnd(let report):
      try ask(callbacks.on_validation_end, "validation end", cifar_validation_info(report))
    case .epochEnd(let report):
      try ask(callbacks.on_epoch_end, "epoch", cifar_epoch_info(report))
    case .trainEnd: try tell(callbacks.on_train_end)
    case .checkpointDue, .remark: .proceed
    }
  }

  func storageDelayed(_ delay: StorageDelay) throws -> TrainerAnswer {
    try ask(callbacks.on_storage_wait, "storage wait", cifar_storage_info(delay))
  }

  private typealias Callback = (UnsafeMutableRawPointer?) -> Int32
  private typealias InfoCallback<Info> = (UnsafePointer<Info>?, UnsafeMutableRawPointer?) -> Int32

  private func ask(_ callback: Callback?, _ name: String) throws -> TrainerAnswer {
    guard let callback else { return .proceed }
    return answer(try call { callback(callbacks.user) }, name)
  }

  private func ask<Info>(
    _ callback: InfoCallback<Info>?, _ name: String, _ info: Info
  ) throws -> TrainerAnswer {
    guard let callback else { return .proceed }
    return try withUnsafePointer(to: info) { info in
      answer(try call { callback(info, callbacks.user) }, name)
    }
  }

  private func tell(_ callback: Callback?) throws -> TrainerAnswer {
    if let callback { _ = try call { callback(callbacks.user) } }
    return .proceed
  }

  private func answer(_ value: Int32, _ name: String) -> TrainerAnswer {
    guard value != 0 else { return .proceed }
    stop = stop ?? (name, value)
    return .stop
  }

  /// Calls the host's code in the host's floating-point environment.
  ///
  /// - Throws: `invalidState` where the code forked and this is the child.
  private func call(_ callback: () -> Int32) throws -> Int32 {
    let value = HostEnvironment.lent(callback)
    guard process == getpid() else {
      throw CifarError(
        .invalidState,
        "a callback forked: the training continues in the parent, and the child has no part in it")
    }
    return value
  }
}

extension cifar_batch_info {
  init(_ progress: BatchProgress) {
    self.init()
    struct_size = UInt32(MemoryLayout<Self>.size)
    epoch = UInt32(progress.epoch)
    epochs = UInt32(progress.epochs)
    batch = UInt32(progress.batch)
    batches = UInt32(progress.batches)
    images = UInt64(progress.images)
    loss = progress.loss
    accuracy = progress.accuracy
    learning_rate = progress.learningRate
    seconds = progress.trainSeconds
  }
}

extension cifar_validation_info {
  init(_ report: ValidationReport) {
    self.init()
    struct_size = UInt32(MemoryLayout<Self>.size)
    epoch = UInt32(report.epoch)
    images = UInt64(report.images)
    loss = report.loss
    accuracy = report.accuracy
    seconds = report.seconds
  }
}

extension cifar_epoch_info {
  init(_ metrics: EpochMetrics) {
    self.init()
    struct_size = UInt32(MemoryLayout<Self>.size)
    epoch = UInt32(clamping: metrics.epoch)
    train_loss = metrics.trainLoss
    train_accuracy = metrics.trainAccuracy
    val_loss = metrics.valLoss
    val_accuracy = metrics.valAccuracy
    learning_rate = metrics.learningRate
    seconds = metrics.seconds
    images_per_second = metrics.imagesPerSecond
    cpu_seconds = metrics[.cpuSeconds] ?? .nan
    peak_memory = metrics[.peakMemory] ?? .nan
  }

  init(_ report: EpochReport) {
    self.init(report.metrics)
    is_best = report.isBest ? 1 : 0
  }
}

extension cifar_storage_info {
  init(_ delay: StorageDelay) {
    self.init()
    struct_size = UInt32(MemoryLayout<Self>.size)
    epochs = UInt32(clamping: delay.epochs)
    seconds = delay.seconds
    seconds_left = delay.secondsLeft ?? -1
  }
}
