import CifarCore

/// Ends a session of a training after a given time, with a checkpoint of the batch just done: each
/// resume has that much time again.
public final class Timer: Callback {
  public struct Options: CallbackOptions {
    public var seconds = 0.0

    public static let type = "timer"
    public static let meaning = "ends a session after a time, with a checkpoint to resume from"
    public static let example = #"{"seconds": 3600}"#
    public static let options: [OptionDescription<Self>] = [
      .number("seconds", \.seconds, .above(0), isRequired: true, "that a session may take")
    ]

    public init() {}
    public init(seconds: Double) { self.seconds = seconds }

    func make() -> any Callback { Timer(self) }
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
