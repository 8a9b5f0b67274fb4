import CifarCore
import CifarNN
import CifarRegistry
import CifarTraining
import Glibc

/// What a session knew of its run when its end could not be written: it stands in the metadata of the
/// checkpoint that it leaves beside the registry, so that an import can put it where it belongs.
struct LeftRun: Codable {
  /// The run's UUID.
  var id: String
  var token: String
  var name: String?
  var tags: [String]
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

  struct Epoch: Codable {
    var epoch: Int
    var trainLoss: Double
    var trainAccuracy: Double
    var valLoss: Double?
    var valAccuracy: Double?
    var learningRate: Double
    var seconds: Double
    var imagesPerSecond: Double

    init(_ row: EpochRow) {
      epoch = row.epoch
      trainLoss = row.trainLoss
      trainAccuracy = row.trainAccuracy
      valLoss = row.valLoss
      valAccuracy = row.valAccuracy
      learningRate = row.learningRate
      seconds = row.seconds
      imagesPerSecond = row.imagesPerSecond
    }

    var row: EpochRow {
      EpochRow(
        epoch: epoch, trainLoss: trainLoss, trainAccuracy: trainAccuracy, valLoss: valLoss,
        valAccuracy: valAccuracy, learningRate: learningRate, seconds: seconds,
        imagesPerSecond: imagesPerSecond)
    }

    enum CodingKeys: String, CodingKey {
      case epoch, seconds
      case trainLoss = "train_loss"
      case trainAccuracy = "train_accuracy"
      case valLoss = "val_loss"
      case valAccuracy = "val_accuracy"
      case learningRate = "lr"
      case imagesPerSecond = "images_per_second"
    }
  }

  struct Metric: Codable {
    var name: String
    var epoch: Int
    var value: Double
  }

  enum CodingKeys: String, CodingKey {
    case id, token, name, tags, status, reason, ended, epochs, metrics, notes
    case keepLast = "keep_last"
    case keepEvery = "keep_every"
    case isBest = "is_best"
  }

  /// The name of the string in the file's metadata.
  static let key = "run"
  /// Rows that a file has at most: a header has its limits.
  static let mostEpochs = 10_000
}

/// The file beside the registry.
struct LeftFile {
  /// From the root on.
  let path: String

  /// Writes a file with a name of its own.
  ///
  /// - Parameters:
  ///   - registry: the registry's path, from the root on.
  /// - Throws: `diskFull`, `io`, `outOfMemory`.
  init(_ checkpoint: NewCheckpoint, of run: LeftRun, beside registry: String) throws {
    let bytes = try SafeTensors.setting(
      LeftRun.key, to: StateCoding.encode(run), in: checkpoint.data)
    let base = "\(registry).run-\(run.id.prefix(8))"
    var path = base + ".safetensors"
    var number = 1
    while LeftFile.exists(path) {
      number += 1
      path = "\(base)-\(number).safetensors"
    }
    try FileWriter.write(bytes, to: path, as: .checkpoint)
    self.path = path
  }

  private static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// What it has is in the registry after all.
  func remove() {
    if unlink(path) != 0, errno != ENOENT {
      Log.write(.warning, "'\(path)' can't be removed: \(String(cString: strerror(errno)))")
    }
  }
}
