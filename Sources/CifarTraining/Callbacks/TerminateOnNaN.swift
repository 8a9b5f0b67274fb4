/// Ends training, instead of failing, when a loss is NaN or infinite: Keras's `TerminateOnNaN`.
final class TerminateOnNaN: Callback {
  var state = CallbackState()

  func batchEnded(_ outcome: BatchOutcome, _ control: inout BatchControl) {
    guard !outcome.loss.isFinite else { return }
    control.stopReason =
      "terminate on NaN: the loss is \(outcome.loss) in epoch \(outcome.epoch), batch "
      + "\(outcome.batch)"
  }
}
