import Cifar
import CifarNN
import CifarTraining
import CommandSupport
import Glibc

/// Shows a training: on a terminal that is not dumb a bar that is redrawn, everywhere a line an
/// epoch.
final class ProgressDisplay: RunObserver {
  private let quiet: Bool
  // Asked each time: a window changes its size.
  private var terminal: Terminal { .standardError }
  private let trainer: Trainer
  private let session: TrainingSession
  private var lastDrawn = 0.0
  private var isShown = false
  /// Seconds that validation took in the last epoch, for the time that is left.
  private var validationSeconds = 0.0
  private var last: BatchProgress?
  /// Where the first batch of this session ended, for the estimate; nil once that was told.
  private var firstBatch: (batch: Int, seconds: Double)?
  private var hasEstimated = false
  /// Whether the end waits for the registry.
  private var isWaiting = false

  init(session: TrainingSession, quiet: Bool) {
    self.session = session
    self.quiet = quiet
    trainer = session.trainer
  }

  func begin() {
    guard !quiet else { return }
    let hyperparameters = trainer.hyperparameters
    let data = hyperparameters.data
    let place = session.registryPath.map { " in \($0)" } ?? ""
    let (train, validation) = (data?.trainCount ?? 0, data?.validationCount ?? 0)
    let split = hyperparameters.validationSplit.map {
      " (validation_split \($0) holds out \(Format.count(validation)) of "
        + "\(Format.count(train + validation)), "
        + "\(Format.percent(Double(validation) / Double(train + validation))))"
    }
    Output.line(
      "Run \((session.runID ?? "").prefix(8))\(place): recipe \(hyperparameters.recipe), "
        + "model \(hyperparameters.model), "
        + "\(parameters(of: trainer.network)), "
        + "\(Format.count(train)) + \(Format.count(validation)) "
        + "images of \(data?.location ?? data?.name ?? "memory")" + (split ?? ""))
  }

  private func parameters(of network: Network) -> String {
    let all = Format.count(network.parameterCount)
    if network.frozen.isEmpty { return "\(all) parameters" }
    return "\(Format.count(network.trainableCount)) of \(all) parameters trained"
  }

  var waitsForStorage: Bool { false }

  func observe(_ event: TrainingEvent) -> TrainerAnswer {
    switch event {
    case .batchEnd(let progress): batchEnded(progress)
    case .validationBegin:
      if !quiet, let last { draw(last, note: "validating …") }
    case .validationEnd(let report): validationSeconds = report.seconds
    case .remark(let remark):
      clear()
      Output.error("cifar: \(remark)")
    case .trainBegin, .epochBegin, .batchBegin, .checkpointDue, .epochEnd, .trainEnd: break
    }
    return .proceed
  }

  private func batchEnded(_ progress: BatchProgress) {
    last = progress
    estimate(progress)
    let now = ProgressDisplay.now()
    guard !quiet, now - lastDrawn >= 0.1 || progress.batch == progress.batches else { return }
    lastDrawn = now
    draw(progress)
  }

  /// Says after some batches how long a training of more than two minutes will take. The first one is
  /// slower than the others, and not counted.
  private func estimate(_ progress: BatchProgress) {
    guard !quiet, !hasEstimated else { return }
    guard let first = firstBatch, progress.batch > first.batch else {
      firstBatch = (progress.batch, progress.trainSeconds)
      return
    }
    let batches = progress.batch - first.batch
    guard batches == 4 else { return }
    hasEstimated = true
    let step = (progress.trainSeconds - first.seconds) / Double(batches)
    let images = trainer.hyperparameters.data?.validationCount ?? 0
    // The forward pass is about a third of a step.
    let validation =
      step / 3 * Double(images) / Double(trainer.hyperparameters.batchSize)
      * Double(progress.epochs - progress.epoch + 1)
    let steps = trainer.steps - trainer.step
    let left = Double(steps) * step + validation
    guard left > 120 else { return }
    clear()
    Output.line(
      "About \(Format.duration(left)): \(Format.count(steps)) more steps of "
        + "\(Format.fixed(step, 2)) s, and validation, if nothing ends the training before.")
  }

  /// Who reads the line can rely on the epoch.
  func epochStored(_ report: EpochReport) {
    guard !quiet else { return }
    clear()
    let metrics = report.metrics
    let total = trainer.hyperparameters.epochs
    let width = String(total).count
    let number = String(repeating: " ", count: width - String(metrics.epoch).count)
    var line =
      "epoch \(number)\(metrics.epoch)/\(total)"
      + "  loss \(Format.loss(metrics.trainLoss))  acc \(Format.percent(metrics.trainAccuracy))"
      + "  val_loss \(Format.loss(metrics.valLoss))"
      + "  val_acc \(Format.percent(metrics.valAccuracy))"
      + "  lr \(Format.short(metrics.learningRate))"
      + "  \(Format.duration(metrics.seconds))  \(Format.fixed(metrics.imagesPerSecond, 0)) img/s"
    if report.isBest { line += "  best" }
    Output.line(line)
  }

  func storageDelayed(_ delay: StorageDelay) -> TrainerAnswer {
    let place = session.registryPath ?? "the registry"
    if let left = delay.secondsLeft {
      guard !isWaiting, delay.seconds >= StorageDelay.worthTelling else { return .proceed }
      isWaiting = true
      // The signal that may have ended the training does not end the waiting too: another one does.
      Interruption.acceptAnother()
      clear()
      Output.message(
        "Training is over, and \(place) is held by another process: waiting for it, "
          + "\(Format.duration(left)) at most. Ctrl-C ends the waiting: the rest then goes to a file.\n"
      )
    } else if !quiet {
      clear()
      let epochs = delay.epochs == 1 ? "1 epoch waits" : "\(delay.epochs) epochs wait"
      Output.message(
        "\(place) is held by another process: \(epochs) to be stored; training continues\n")
    }
    return .proceed
  }

  /// Takes the bar away.
  func clear() {
    guard isShown else { return }
    Output.redraw("")
    isShown = false
  }

  private func draw(_ progress: BatchProgress, note: String? = nil) {
    let terminal = terminal
    guard terminal.canRedraw else { return }
    let share = Double(progress.batch) / Double(progress.batches)
    let rate = Double(progress.images) / max(progress.trainSeconds, 1e-9)
    let head = "epoch \(progress.epoch)/\(progress.epochs) "
    let tail =
      " \(Format.percent(share))  loss \(Format.loss(progress.loss))"
      + "  accuracy \(Format.percent(progress.accuracy))  "
      + (note ?? "\(Format.fixed(rate, 0)) img/s  ETA \(Format.duration(remaining(progress, rate)))")
    let width = terminal.width ?? 80
    let room = min(30, width - head.count - tail.count - 3)
    var line = head
    if room >= 5 {
      let full = Int(share * Double(room))
      line += "[" + String(repeating: "=", count: full)
      line += String(repeating: " ", count: room - full) + "]"
    }
    line += tail
    Output.redraw(String(line.prefix(max(0, width - 1))))
    isShown = true
  }

  /// Seconds until all epochs are done, if nothing ends the training before.
  private func remaining(_ progress: BatchProgress, _ rate: Double) -> Double {
    let images = (trainer.steps - trainer.step) * trainer.hyperparameters.batchSize
    return Double(images) / rate
      + Double(progress.epochs - progress.epoch + 1) * validationSeconds
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
