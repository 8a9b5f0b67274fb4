import CifarCore

/// Ends training, instead of failing, when a loss is NaN or infinite: Keras's `TerminateOnNaN`.
///
/// As there, the step is taken, the epoch ends with this batch, it is validated, and every callback
/// hears of it. Its row shows NaN, whatever the batches before had. A validation
/// loss that is not finite, which Keras's ignores, ends training too.
final class TerminateOnNaN: Callback {
  struct Options: CallbackOptions {
    static let type = "terminate_on_nan"
    static let meaning =
      "Keras's TerminateOnNaN: ends training, instead of failing, if a loss is NaN"
    static let options: [OptionDescription<Self>] = []

    func make() -> any Callback { TerminateOnNaN() }
  }

  var state = CallbackState()

  func batchEnded(_ outcome: BatchOutcome, _ control: inout BatchControl) {
    guard !outcome.loss.isFinite else { return }
    control.stopReason =
      "terminate on NaN: the loss is \(outcome.loss) in epoch \(outcome.epoch), batch "
      + "\(outcome.batch)"
  }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) {
    guard !metrics.valLoss.isFinite else { return }
    control.divergence =
      "terminate on NaN: the validation loss is \(metrics.valLoss) in epoch \(metrics.epoch)"
  }
}
