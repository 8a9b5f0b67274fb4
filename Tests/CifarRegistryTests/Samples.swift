import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

/// A registry in a directory of its own.
final class Sample: Sendable {
  let directory: TemporaryDirectory
  let registry: Registry

  init() throws {
    directory = try TemporaryDirectory()
    registry = try Registry(path: directory.file("runs.db"), mode: .readWrite(create: true))
  }

  func start(_ name: String? = nil, retention: Retention = .last(2)) throws -> RunSession {
    try registry.createRun(Sample.run(name, retention: retention))
  }

  /// A second pair of eyes: another connection to the same file.
  func other(_ mode: Registry.Mode = .readWrite(create: false)) throws -> Registry {
    try Registry(path: registry.path, mode: mode)
  }

  static func run(_ name: String? = nil, retention: Retention = .last(2)) -> NewRun {
    NewRun(
      name: name, recipe: "pytorch",
      hyperparameters: #"{"batch_size":64,"optimizer":{"learning_rate":0.001}}"#,
      model: #"{"layers":[]}"#, dataset: "shapes", seed: 1 << 63, epochsPlanned: 24,
      retention: retention, session: info)
  }

  static let info = SessionInfo(
    libraryVersion: "0.1.0", instructionSet: "avx2", threads: 2, commandLine: "cifar train")

  static func epoch(_ epoch: Int, accuracy: Double? = nil, loss: Double? = nil) -> EpochMetrics {
    EpochMetrics(
      epoch: epoch, trainLoss: 1 / Double(epoch), trainAccuracy: 0.5,
      valLoss: loss ?? 2 / Double(epoch), valAccuracy: accuracy ?? 0.6, learningRate: 1e-3,
      seconds: 12.5, imagesPerSecond: 4000)
  }

  /// A checkpoint whose bytes differ from every other epoch's.
  static func checkpoint(
    _ epoch: Int, batch: Int = 0, size: Int = 5000, best: Bool = false, salt: UInt8 = 0
  ) -> NewCheckpoint {
    let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ epoch &* 7 &+ batch) ^ salt }
    return NewCheckpoint(
      epoch: epoch, batch: batch, step: epoch * 100 + batch, data: data, isBest: best)
  }

  /// What the sqlite3 shell prints, nil where it is not installed.
  func shell(_ sql: String) throws -> String? {
    let shell = "/usr/bin/sqlite3"
    guard FileManager.default.isExecutableFile(atPath: shell) else { return nil }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: shell)
    process.arguments = [registry.path, sql]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

extension CifarError {
  var isOneLine: Bool { !message.isEmpty && !message.contains("\n") }
}

extension Registry {
  /// The first number that a query returns.
  func integer(_ sql: String) throws -> Int64? { try locked { try $0.integer(sql) } }
}
