import CifarCore
import Interchange

/// The content of a TensorBoard event file: records of protocol buffers, each with checksums.
///
/// Source: `event.proto`, `summary.proto` and `record_writer.h` of TensorFlow, `plugin_data.proto` of
/// TensorBoard's hparams and text plugins.
public struct EventFile {
  /// What has been added since `take`.
  private var bytes: [UInt8] = []

  /// - Parameter time: seconds since 1970.
  public init(time: Double) {
    event(time) { $0.string(3, "brain.Event:2") }
  }

  /// The bytes that are to be written next.
  public mutating func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  /// A session begins at a step: what other files of the run have from this step on no longer counts.
  public mutating func start(step: Int, time: Double) {
    event(time, step: step) { event in
      event.message(7) { $0.integer(1, 1) }
    }
  }

  /// Adds the value of a scalar at a step.
  public mutating func scalar(_ tag: String, _ value: Double, step: Int, time: Double) {
    event(time, step: step) { event in
      event.message(5) { summary in
        summary.message(1) { point in
          point.string(1, tag)
          point.float(2, Float(value))
        }
      }
    }
  }

  /// Adds the numbers of an epoch.
  public mutating func epoch(_ metrics: EpochMetrics, time: Double) {
    for metric in EpochMetric.allCases {
      guard let value = metrics[metric] else { continue }
      scalar(metric.tag, value, step: metrics.epoch, time: time)
    }
  }

  /// Adds a text, which TensorBoard shows as Markdown.
  public mutating func text(_ tag: String, _ text: String, time: Double) {
    event(time) { event in
      event.message(5) { summary in
        summary.message(1) { value in
          value.string(1, tag)
          value.message(9) { metadata in
            metadata.message(1) { $0.string(1, "text") }
            metadata.integer(4, 2)
          }
          value.message(8) { tensor in
            tensor.integer(1, 7)
            tensor.message(2) { shape in shape.message(2) { $0.integer(1, 1) } }
            tensor.string(8, text)
          }
        }
      }
    }
  }

  /// Adds the hyperparameters, for the table of runs and its parallel coordinates.
  /// - Parameter lines: of `HyperparameterLines`; what reads as a number becomes one.
  public mutating func hyperparameters(
    _ lines: [(name: String, value: String)], group: String?, time: Double
  ) {
    plugin("_hparams_/session_start_info", time) { data in
      data.message(3) { start in
        for line in lines {
          start.message(1) { entry in
            entry.string(1, line.name)
            entry.message(2) { value in
              if let number = Double(line.value), number.isFinite {
                value.double(2, number)
              } else if let flag = Bool(line.value) {
                value.integer(4, flag ? 1 : 0)
              } else {
                value.string(3, line.value)
              }
            }
          }
        }
        start.string(4, group ?? "")
        start.double(5, time)
      }
    }
  }

  public enum End: Int, Sendable {
    case success = 1
    case failure = 2
  }

  /// Adds how the session ended.
  public mutating func end(_ end: End, time: Double) {
    plugin("_hparams_/session_end_info", time) { data in
      data.message(4) { info in
        info.integer(1, end.rawValue)
        info.double(2, time)
      }
    }
  }

  private mutating func plugin(
    _ tag: String, _ time: Double, _ content: (inout ProtobufWriter) -> Void
  ) {
    event(time) { event in
      event.message(5) { summary in
        summary.message(1) { value in
          value.string(1, tag)
          value.message(9) { metadata in
            metadata.message(1) { plugin in
              plugin.string(1, "hparams")
              plugin.message(2, content)
            }
          }
        }
      }
    }
  }

  private mutating func event(
    _ time: Double, step: Int = 0, _ content: (inout ProtobufWriter) -> Void
  ) {
    var event = ProtobufWriter()
    event.double(1, time)
    if step != 0 { event.integer(2, step) }
    content(&event)
    append(event.bytes)
  }

  /// Length, its checksum, the data, their checksum.
  private mutating func append(_ data: [UInt8]) {
    let length = withUnsafeBytes(of: UInt64(data.count).littleEndian, Array.init)
    for part in [length, data] {
      bytes += part
      bytes += withUnsafeBytes(of: CRC32C.masked(part).littleEndian, Array.init)
    }
  }
}
