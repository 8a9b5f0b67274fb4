import CifarCore
import CifarRegistry
import CifarTraining

/// A stored checkpoint that was read and is whole.
struct ResumePoint {
  var row: CheckpointRow
  var checkpoint: Checkpoint
  /// What had to be passed over, a sentence each.
  var remarks: [String] = []

  /// The checkpoint that `choice` means. Where that is the last one and it is damaged, the newest
  /// before it that is whole: a little is trained again, and nothing is lost.
  ///
  /// - Throws: `notFound`, `ambiguous`; `checksumMismatch` if the checkpoint is damaged that was
  ///   asked for by name, or all are.
  init(_ choice: CheckpointChoice, of run: String, in registry: Registry) throws {
    let wanted = try registry.checkpoint(choice, of: run)
    do {
      (row, checkpoint) = (wanted, try Checkpoint(registry.checkpointData(wanted.id)))
      return
    } catch let error as CifarError where error.code == .checksumMismatch && choice == .last {
      let earlier = try registry.checkpoints(of: wanted.run)
        .filter { !$0.isSuperseded && $0.id < wanted.id }
      for row in earlier.reversed() {
        guard let bytes = try? registry.checkpointData(row.id) else { continue }
        (self.row, checkpoint) = (row, try Checkpoint(bytes))
        remarks = [
          "checkpoint \(wanted.id) of run \(wanted.run.prefix(8)) (epoch \(wanted.epoch)) is "
            + "damaged; going on from checkpoint \(row.id) (epoch \(row.epoch)), the newest that is whole"
        ]
        return
      }
      throw error
    }
  }
}
