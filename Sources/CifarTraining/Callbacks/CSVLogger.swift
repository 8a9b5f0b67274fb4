import CifarCore
import Glibc

/// Writes a line an epoch into a text file: Keras's `CSVLogger`, with its column names and its
/// epochs that count from 0.
///
/// A run that is gone on with goes on in its file; lines of epochs that it is to train again are
/// taken out first.
public final class CSVLogger: Callback {
  public struct Options: Equatable, Sendable {
    public var filename: String
    public var separator: String
    /// Whether a new run leaves what the file has; else it begins anew.
    public var append: Bool

    public init(filename: String, separator: String = ",", append: Bool = false) {
      self.filename = filename
      self.separator = separator
      self.append = append
    }

    func validate() throws {
      guard !filename.isEmpty else {
        throw CifarError(.invalidArgument, "CSV logger: filename is empty")
      }
      guard separator.count == 1, !"\"\n\r0123456789.".contains(separator) else {
        throw CifarError(
          .invalidArgument,
          "CSV logger: separator '\(separator)' is not one character such as ',' or ';'")
      }
    }
  }

  private let options: Options
  var state = CallbackState()

  private static let columns = [
    "epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss",
  ]

  package init(_ options: Options) { self.options = options }

  package func trainBegan(epoch: Int) throws {
    var lines: [Substring] = []
    if options.append || epoch > 0 { lines = try read().split(separator: "\n") }
    if epoch > 0 {
      lines.removeAll { line in
        Int(line.prefix { $0.isNumber }).map { $0 >= epoch } ?? false
      }
    }
    if lines.isEmpty {
      lines = [Substring(CSVLogger.columns.joined(separator: options.separator))]
    }
    try write(lines.map { $0 + "\n" }.joined(), flags: O_TRUNC)
  }

  func epochEnded(_ metrics: EpochMetrics, _ control: inout EpochControl) throws {
    let numbers = [
      metrics.trainAccuracy, metrics.learningRate, metrics.trainLoss, metrics.valAccuracy,
      metrics.valLoss,
    ]
    let line = [String(metrics.epoch - 1)] + numbers.map { "\($0)" }
    try write(line.joined(separator: options.separator) + "\n", flags: O_APPEND)
  }

  private func read() throws -> String {
    let descriptor = open(options.filename, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return "" }
      throw failure("read")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let got = Glibc.read(descriptor, &buffer, buffer.count)
      if got == 0 { return String(decoding: bytes, as: UTF8.self) }
      if got > 0 {
        bytes += buffer[0..<got]
      } else if errno != EINTR {
        throw failure("read")
      }
    }
  }

  private func write(_ text: String, flags: Int32) throws {
    let descriptor = open(
      options.filename, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o666)
    guard descriptor >= 0 else { throw failure("write") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let put = bytes[done...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if put > 0 { done += put }
      if put < 0 && errno != EINTR { throw failure("write") }
    }
  }

  private func failure(_ what: String) -> CifarError {
    CifarError(
      errno == ENOSPC ? .diskFull : .io,
      "CSV logger: can't \(what) '\(options.filename)': \(String(cString: strerror(errno)))")
  }
}

extension CSVLogger.Options: Codable {
  enum CodingKeys: String, CodingKey { case filename, separator, append }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    filename = try values.decode(String.self, forKey: .filename)
    separator = try values.decodeIfPresent(String.self, forKey: .separator) ?? ","
    append = try values.decodeIfPresent(Bool.self, forKey: .append) ?? false
  }
}
