import CifarCore
import CifarRegistry
import CifarTraining

/// A stored checkpoint that was read and is whole.
struct ResumePoint {
  var row: CheckpointRow
  var checkpoint: Checkpoint
  /// What was asked for, and which checkpoint that was.
  var chosen: ChosenCheckpoint
  /// What had to be passed over, a sentence each.
  var remarks: [String] = []

  /// The checkpoint that `choice` means. Where that is the last one and it is damaged, the newest
  /// before it that is whole: a little is trained again, and nothing is lost.
  ///
  /// - Throws: `notFound`, `ambiguous`; `checksumMismatch` or `badData` if the checkpoint is damaged
  ///   that was asked for by name, or all are; `notFinite` where training had diverged when it was
  ///   taken, which is no damage. Any other error, such as
  ///   that of a busy registry, is thrown as it is.
  init(_ choice: CheckpointChoice, of run: String, in registry: Registry) throws {
    guard choice == .last else {
      let row = try registry.checkpoint(choice, of: run)
      self = try ResumePoint(row, as: ChosenCheckpoint(choice, id: row.id), in: registry)
      return
    }
    let newest = try registry.checkpointID(.last, of: run)
    let checkpoints = try registry.currentCheckpoints(of: run)
    // Names what there is where there is nothing.
    guard let newest, !checkpoints.isEmpty else {
      _ = try registry.checkpoint(.last, of: run)
      throw CifarError(
        .busy, "run \(run.excerpt) was continued by another session; try again", isTransient: true)
    }
    var first: CifarError?
    for row in checkpoints {
      // Of weights alone nothing can continue, whatever is damaged after them.
      if first != nil, case .success(let row) = row, row.isWeightsOnly { continue }
      do {
        self = try ResumePoint(
          row.get(), as: ChosenCheckpoint(.last, id: newest), in: registry)
        if let first {
          remarks = [
            "a newer checkpoint is damaged (\(first.message)); resuming from checkpoint "
              + "\(self.row.id) (epoch \(self.row.epoch)), the newest that is whole"
          ]
        }
        return
      } catch let error as CifarError where ResumePoint.isDamage(error) {
        if first == nil { first = error }
      }
    }
    throw first ?? CifarError(.notFound, "run \(run.excerpt) has no checkpoint to resume from")
  }

  /// For how many epochs the run is planned by now, if those are more than when the checkpoint was taken:
  /// a session that was asked for them may have ended before its first checkpoint.
  func plannedExtension(in registry: Registry) throws -> Double? {
    guard let run = try registry.runs(RunQuery(filter: "id = '\(row.run)'")).first,
      run.exactEpochs > checkpoint.hyperparameters.exactEpochs
    else { return nil }
    return run.exactEpochs
  }

  /// Where a training of more epochs is taken up: that is this point, or, if the last epoch was trained
  /// in part, the newest checkpoint before it.
  ///
  /// - Throws: `notFound` where there is none any more.
  func continued(to epochs: Double?, of run: String, in registry: Registry) throws -> ResumePoint {
    guard chosen.choice == .last, let epochs, checkpoint.endsInPart(before: epochs)
    else { return self }
    let extent = epochs < Double(checkpoint.epoch) ? "further" : "whole"
    let part =
      "the run's \(checkpoint.hyperparameters.epochsText) epochs ended within epoch \(checkpoint.epoch)"
    for case .success(let earlier) in try registry.currentCheckpoints(of: run)
    where earlier.epoch < checkpoint.epoch && !earlier.isWeightsOnly {
      do {
        var point = try ResumePoint(earlier, as: chosen, in: registry)
        point.remarks =
          remarks + [
            "\(part), which is trained again, \(extent), from checkpoint \(earlier.id) (epoch "
              + "\(earlier.epoch)\(earlier.batch == 0 ? "" : ", batch \(earlier.batch)"))"
          ]
        return point
      } catch let error as CifarError where ResumePoint.isDamage(error) {}
    }
    throw CifarError(
      .notFound,
      "\(part), and no checkpoint of before is left, from which "
        + "\(Hyperparameters.text(epochs: epochs)) could be trained: begin a new run with its weights "
        + "(cifar train --init)")
  }

  private init(_ row: CheckpointRow, as chosen: ChosenCheckpoint, in registry: Registry) throws {
    self.row = row
    self.chosen = chosen
    try row.requireFullState()
    do {
      checkpoint = try Checkpoint(registry.checkpointData(row.id))
    } catch let error as CifarError where [.badData, .notFinite].contains(error.code) {
      throw CifarError(error.code, "\(ResumePoint.name(row)): \(error.message)")
    }
    let (epoch, batch, step) = (checkpoint.epoch, checkpoint.batch, checkpoint.step)
    guard (epoch, batch, step) == (row.epoch, row.batch, row.step) else {
      throw CifarError(
        .badData,
        "\(ResumePoint.name(row)) is damaged: its row has epoch \(row.epoch), batch \(row.batch) and "
          + "step \(row.step), its bytes have \(epoch), \(batch) and \(step)")
    }
  }

  private static func name(_ row: CheckpointRow) -> String {
    "checkpoint \(row.id) of run \(row.run.prefix(8))"
  }

  private static func isDamage(_ error: CifarError) -> Bool {
    error.code == .checksumMismatch || error.code == .badData
  }
}
