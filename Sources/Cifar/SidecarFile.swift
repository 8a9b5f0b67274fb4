import CheckpointFormat
import CifarCore
import CifarNN
import CifarRegistry
import CifarTraining
import Glibc

/// What a session knew of its run when its end could not be written: it stands in the metadata of the
/// checkpoint that it leaves beside the registry, so that an import can put it where it belongs.
struct SidecarRun: Codable {
  /// The run's UUID.
  var id: String
  var token: String
  var name: String?
  var tags: [String]
  var group: String?
  var keepLast: Int?
  var keepEvery: Int?
  var status: RunStatus
  var reason: String
  /// As `Timestamp` writes it.
  var ended: String
  var isBest: Bool
  var epochs: [Epoch]
  var metrics: [Metric]
  var notes: [String]

  /// An object with the epoch's number and its metrics by name.
  struct Epoch: Codable {
    var row: EpochMetrics

    init(_ row: EpochMetrics) { self.row = row }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      row = try EpochMetrics(epoch: values.decode(Int.self, forKey: .epoch)) { metric in
        try values.decodeIfPresent(Double.self, forKey: Key(metric))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: Key.self)
      try values.encode(row.epoch, forKey: .epoch)
      for metric in EpochMetric.allCases {
        try values.encodeIfPresent(row[metric], forKey: Key(metric))
      }
    }

    private struct Key: CodingKey {
      static let epoch = Key(stringValue: "epoch")
      var stringValue: String
      var intValue: Int? { nil }

      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
      init(_ metric: EpochMetric) { self.init(stringValue: metric.name) }
    }
  }

  struct Metric: Codable {
    var name: String
    var epoch: Int
    var value: Double
  }

  enum CodingKeys: String, CodingKey {
    case id, token, name, tags, group, status, reason, ended, epochs, metrics, notes
    case keepLast = "keep_last"
    case keepEvery = "keep_every"
    case isBest = "is_best"
  }

  /// Rows that a file has at most: a header has its limits.
  static let mostEpochs = 10_000
}

/// The file beside the registry.
struct SidecarFile {
  /// From the root on.
  let path: String

  /// Writes a file with a name of its own.
  ///
  /// - Parameters:
  ///   - registry: the registry's path, from the root on.
  /// - Throws: `diskFull`, `io`, `outOfMemory`.
  init(_ checkpoint: NewCheckpoint, of run: SidecarRun, beside registry: String) throws {
    let bytes = try CheckpointContainer.setting(
      run: StateCoding.encode(run), in: checkpoint.data)
    var number = 1
    var path = SidecarFile.path(number, of: run.id, beside: registry)
    while SidecarFile.exists(path) {
      number += 1
      path = SidecarFile.path(number, of: run.id, beside: registry)
    }
    try FileWriter.write(bytes, to: path, as: .checkpoint)
    self.path = path
  }

  private static func path(_ number: Int, of run: String, beside registry: String) -> String {
    "\(registry).run-\(run.prefix(8))\(number == 1 ? "" : "-\(number)").safetensors"
  }

  /// A file that has more of a run than the registry, to resume from.
  ///
  /// - Parameter row: the registry's checkpoint.
  static func newer(than row: CheckpointRow, beside registry: String) -> String? {
    var number = 1
    while true {
      let path = path(number, of: row.run, beside: registry)
      guard exists(path) else { return nil }
      do {
        let bytes = try CheckpointContainer.read(path)
        let checkpoint = try Checkpoint(bytes)
        if let text = try CheckpointContainer.run(in: bytes) {
          let run = try StateCoding.decode(SidecarRun.self, from: text, what: "the file's run")
          let isLater = (checkpoint.epoch, checkpoint.batch) > (row.epoch, row.batch)
          if run.id == row.run, isLater { return path }
        }
      } catch {
        Log.write(.warning, "'\(path)' cannot be read: \(error)")
      }
      number += 1
    }
  }

  private static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// What it has is in the registry after all.
  func remove() {
    if unlink(path) != 0, errno != ENOENT {
      Log.write(.warning, "'\(path)' cannot be removed: \(String(cString: strerror(errno)))")
    }
  }
}
