import CifarCore
import Foundation
import Glibc
import TestSupport
import Testing

@testable import CifarTraining

/// The file of a CSV logger, with several writers. The command line's side of it is tested in
/// Tests/CABI/test_files.py.
@Suite struct CSVLogFileTests {
  private let scratch: ScratchDirectory
  private let file: CSVLogFile

  init() throws {
    scratch = try ScratchDirectory()
    file = CSVLogFileTests.log(scratch.path + "/log.csv")
  }

  /// As another training has it.
  private static func log(_ path: String) -> CSVLogFile {
    CSVLogFile(
      path: path, separator: ",", columns: ["epoch", "loss", "val_loss"])
  }

  private func line(_ epoch: Int, _ loss: Double) -> CSVLogLine {
    CSVLogLine(epoch: epoch, values: [loss, loss / 2])
  }

  private var text: String {
    get throws { try String(contentsOfFile: file.path, encoding: .utf8) }
  }

  @Test func linesAreDroppedAndPutBack() throws {
    try file.begin()
    for epoch in 0..<4 { try file.append(line(epoch, 1)) }
    for epoch in 0..<4 { try file.append(line(epoch, 2)) }
    let rest = try file.resume(
      keeping: [line(0, 1), line(1, 1)], dropping: [line(2, 1), line(3, 1)], isNew: false)
    #expect(rest == (0..<4).map { line($0, 2) })
    #expect(
      try text == "epoch,loss,val_loss\n0,1.0,0.5\n1,1.0,0.5\n"
        + (0..<4).map { "\($0),2.0,1.0\n" }.joined())
    _ = try file.resume(keeping: [line(0, 3)], dropping: [line(9, 9)], isNew: false)
    #expect(try text.hasSuffix("3,2.0,1.0\n0,3.0,1.5\n"))
  }

  @Test func whatIsNotANumberIsOneLine() throws {
    try file.begin()
    let line = CSVLogLine(epoch: 0, values: [.nan, -.infinity])
    try file.append(line)
    #expect(try text.hasSuffix("0,nan,-inf\n"))
    #expect(try file.resume(keeping: [line], dropping: [], isNew: false).isEmpty)
    #expect(try text.hasSuffix("val_loss\n0,nan,-inf\n"))
  }

  @Test func aLineThatWasCutShortStaysAlone() throws {
    try Data("epoch,loss,val_loss\r\n0,1.0".utf8).write(to: URL(fileURLWithPath: file.path))
    try file.append(line(1, 1))
    #expect(try text == "epoch,loss,val_loss\r\n0,1.0\r\n1,1.0,0.5\r\n")
  }

  @Test func writersAtOnceLoseNothing() async throws {
    try file.begin()
    let path = file.path
    await withTaskGroup(of: Void.self) { group in
      for writer in 1...4 {
        group.addTask {
          let file = CSVLogFileTests.log(path)
          for epoch in 0..<50 {
            let line = CSVLogLine(epoch: epoch, values: [Double(writer), 0])
            #expect(throws: Never.self) { try file.append(line) }
          }
        }
      }
      // Replaces the file under the feet of the others, or writes over it.
      group.addTask {
        let file = CSVLogFileTests.log(path)
        for epoch in 0..<50 {
          let line = CSVLogLine(epoch: epoch, values: [9, 9])
          #expect(throws: Never.self) {
            _ = try file.resume(keeping: [line], dropping: [], isNew: false)
            _ = try file.resume(keeping: [], dropping: [line], isNew: false)
          }
        }
      }
    }
    let lines = try text.split(separator: "\n")
    #expect(lines.count == 201)
    #expect(Set(lines).count == 201)
    #expect(ScratchDirectory.names(in: scratch.path) == ["log.csv"])
  }

  @Test func nobodyBeginsAnewWhatOthersWrite() throws {
    let other = CSVLogFileTests.log(file.path)
    let third = CSVLogFileTests.log(file.path)
    try file.begin()
    try file.append(line(0, 1))
    let error = failure { try other.begin() }
    #expect(error?.code == .busy)
    #expect(error?.message.contains("another part of this process") == true)
    // Who continues with a log does not take it from others, also where lines go.
    _ = try other.resume(keeping: [line(0, 2)], dropping: [], isNew: false)
    _ = try other.resume(keeping: [line(1, 2)], dropping: [line(0, 2)], isNew: false)
    #expect(try text == "epoch,loss,val_loss\n0,1.0,0.5\n1,2.0,1.0\n")
    other.end()
    #expect(failure { try third.begin() }?.code == .busy)
    try file.append(line(1, 1))
    file.end()
    try third.begin()
    #expect(try text == "epoch,loss,val_loss\n")
  }

  @Test func aNewFileIsHeldFromItsFirstMoment() throws {
    try file.begin()
    try file.append(line(0, 1))
    let other = CSVLogFileTests.log(file.path)
    // Alone, it replaces the file.
    _ = try file.resume(keeping: [], dropping: [line(0, 1)], isNew: false)
    #expect(failure { try other.begin() }?.code == .busy)
    #expect(ScratchDirectory.names(in: scratch.path) == ["log.csv"])
  }

  @Test func aLogIsNotWorthARunThatHasBegun() throws {
    let path = scratch.path + "/logs/log.csv"
    let new = CSVLogger(CSVLogger.Options(filename: path))
    var remarks: [String] = []
    #expect(failure { try new.trainBegan(epoch: 0, &remarks) }?.code == .io)
    #expect(remarks.isEmpty)
    let metrics = EpochMetrics(
      epoch: 1, trainLoss: 1, trainAccuracy: 1, valLoss: 1, valAccuracy: 1, learningRate: 1,
      seconds: 1, imagesPerSecond: 1)
    let resumed = CSVLogger(CSVLogger.Options(filename: path))
    resumed.recall([])
    try resumed.trainBegan(epoch: 0, &remarks)
    #expect(remarks.count == 1 && remarks[0].contains("'\(path)': No such file"))
    var control = EpochControl(learningRate: 1)
    try resumed.epochEnded(metrics, &control)
    #expect(control.remarks.isEmpty)
    // Likewise one that goes while a run trains.
    #expect(mkdir(scratch.path + "/logs", 0o777) == 0)
    try new.trainBegan(epoch: 0, &remarks)
    #expect(rename(scratch.path + "/logs", scratch.path + "/elsewhere") == 0)
    for count in [1, 1] {
      try new.epochEnded(metrics, &control)
      #expect(control.remarks.count == count)
    }
  }

  @Test func otherTitlesAndOtherFilesAreRefused() throws {
    for content in ["epoch,loss\n0,1\n", "epoch;loss;val_loss\n", "precious"] {
      try Data(content.utf8).write(to: URL(fileURLWithPath: file.path))
      let error = failure { try file.resume(keeping: [], dropping: [], isNew: true) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.hasPrefix("CSV logger: '\(file.path)'") == true)
      #expect(try text == content)
    }
  }
}
