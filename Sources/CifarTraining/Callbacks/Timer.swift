import CifarCore

/// Ends a session of a training after a given time, with a checkpoint of the very batch: each resume
/// has that much time again.
public final class Timer: Callback {
  public struct Options: Codable, Equatable, Sendable {
    public var seconds: Double

    public init(seconds: Double) { self.seconds = seconds }

    func validate() throws {
      guard seconds.isFinite, seconds > 0 else {
        throw CifarError(.invalidArgument, "timer: seconds \(seconds) is not a positive number")
      }
    }
  }

  private let options: Options
  var state = CallbackState()

  init(_ options: Options) { self.options = options }

  func batchEnded(_ outcome: BatchOutcome, _ control: inout BatchControl) {
    if outcome.sessionSeconds >= options.seconds {
      control.pauseReason = "the timer's \(options.seconds) seconds are over"
    }
  }
}
