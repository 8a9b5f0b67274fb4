import CifarCore
import CifarRegistry
import CifarTraining
import Glibc
import Synchronization

/// Writes a training into an event file as it happens, for TensorBoard: hyperparameters, a text about
/// the run, and the numbers of each epoch when it ends.
///
/// Each session has a file of its own in the run's directory, as a process that was killed may have left
/// half a record behind, after which TensorBoard reads nothing of that file. A resumed run's file begins
/// with the epochs that the registry has: they take the place of all that earlier files say.
///
/// Where the directory can't be written no training begins. Later on a log is not worth a run: the
/// training continues without it, with a warning.
final class TensorBoardLog: TrainerObserver {
  /// What a file begins with.
  struct Start {
    var runID: String?
    var name: String?
    var group: String?
    var commandLine: String
    /// The epochs before this session, and the values that the program measured in them.
    var epochs: [EpochMetrics] = []
    var metrics: [MetricRow] = []

    static func resuming(
      _ run: RunDetail, from point: ResumePoint, _ options: TrainingSession.Options
    ) -> Start {
      Start(
        runID: run.id, name: run.summary.name, group: run.summary.group,
        commandLine: options.commandLine, epochs: run.epochs.filter { $0.epoch <= point.row.epoch },
        metrics: run.metrics.filter { $0.epoch <= point.row.epoch })
    }
  }

  private let directory: String
  private let start: Start
  private let hyperparameters: Hyperparameters
  private var file: File?
  private var events = EventFile(time: 0)

  init(_ directory: String, _ start: Start, _ hyperparameters: Hyperparameters) {
    self.directory = AbsolutePath.of(directory)
    self.start = start
    self.hyperparameters = hyperparameters
  }

  /// Before a run is recorded: whether a file can be written there.
  static func check(_ directory: String) throws {
    guard !directory.isEmpty else {
      throw CifarError(.invalidArgument, "the directory for TensorBoard has no name")
    }
    try naming {
      try EventDirectory.make(directory)
      let probe = "\(directory)/.events-\(getpid())-\(UInt64.random(in: 0 ... .max))"
      defer { unlink(probe) }
      let file = try File(appendingTo: probe, followsLinks: false)
      try file.write([UInt8](repeating: 0, count: 4096))
      try file.sync(onlyData: false)
    }
  }

  func observe(_ event: TrainingEvent) throws -> TrainerAnswer {
    switch event {
    case .trainBegin: attempt { try begin() }
    case .epochEnd(let report):
      events.epoch(report.metrics, time: TensorBoardLog.now)
      flush()
    default: break
    }
    return .proceed
  }

  /// Adds what the program measured.
  func record(_ rows: [MetricRow]) {
    for row in rows {
      events.scalar(row.name, row.value, step: row.epoch, time: TensorBoardLog.now)
    }
    flush()
  }

  /// How the training ended; nothing is written afterwards.
  func finish(_ end: EventFile.End) {
    guard file != nil else { return }
    events.end(end, time: TensorBoardLog.now)
    flush()
    file = nil
  }

  private func begin() throws {
    let time = TensorBoardLog.now
    let number = TensorBoardLog.next()
    // What is in no registry gets a directory of its own, too.
    let id = start.runID ?? String(UInt64.random(in: 1 << 60 ... .max), radix: 16)
    let directory = try EventDirectory(
      of: id, name: start.name, host: TensorBoardLog.host, in: directory)
    let path = try directory.file(time: time, suffix: ".\(getpid()).\(number)")
    file = try File(appendingTo: path, followsLinks: false)
    events = EventFile(time: time)
    if start.runID != nil { events.start(step: 1, time: time) }
    let json = try JSONValue(text: StateCoding.encode(hyperparameters))
    let lines = HyperparameterLines.lines(of: json)
    events.hyperparameters(lines, group: start.group, time: time)
    events.text("run", text(lines), time: time)
    for row in start.epochs { events.epoch(row, time: time) }
    for row in start.metrics { events.scalar(row.name, row.value, step: row.epoch, time: time) }
    try write()
  }

  private func text(_ lines: [(name: String, value: String)]) -> String {
    func cell(_ text: String) -> String {
      text.replacingScalars { scalar in
        switch scalar {
        case "|": "\\|"
        case "<": "&lt;"
        case "\n", "\r": " "
        default: nil
        }
      }
    }
    var rows = [
      ("run", start.runID ?? ""), ("name", start.name ?? ""), ("group", start.group ?? ""),
    ]
    rows.append(("command", start.commandLine))
    rows = rows.filter { !$0.1.isEmpty } + lines.map { ($0.name, $0.value) }
    return "| | |\n|---|---|\n"
      + rows.map { "| \(cell($0.0)) | \(cell($0.1)) |\n" }.joined()
  }

  private func flush() {
    guard file != nil else {
      _ = events.take()
      return
    }
    attempt { try write() }
  }

  /// Appends all of it, or takes back what went.
  private func write() throws {
    let bytes = events.take()
    guard let size = try file?.size() else { return }
    do {
      try file?.write(bytes)
    } catch {
      try? file?.truncate(to: size)
      throw error
    }
  }

  private func attempt(_ body: () throws -> Void) {
    do {
      try TensorBoardLog.naming(body)
    } catch {
      file = nil
      Log.write(
        .warning,
        "\(error); training continues without it; cifar-runs export --format tensorboard writes the "
          + "whole run later")
    }
  }

  private static func naming(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as CifarError {
      throw CifarError(error.code, "TensorBoard: \(error.message)")
    }
  }

  private static var now: Double { Timestamp.now.secondsSince1970 }

  private static var host: String {
    var name = [CChar](repeating: 0, count: 256)
    return gethostname(&name, name.count - 1) == 0 ? SystemText.escaped(name) : ""
  }

  private static let counter = Mutex(0)

  /// Several sessions of a process have files of their own.
  private static func next() -> Int {
    counter.withLock { number in
      number += 1
      return number
    }
  }
}
