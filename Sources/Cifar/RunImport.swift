import CheckpointFormat
import CifarCore
import CifarNN
import CifarRegistry
import CifarTraining

/// A checkpoint's file as a run of a registry.
public enum RunImport {
  /// Makes a run from a file: an exported checkpoint becomes the start of a new run; one that a
  /// session left beside its registry gives the run back what could not be written.
  ///
  /// All that a resume checks is checked before, and everything is written in one transaction.
  /// - Parameters:
  ///   - name: what to call a new run; nil for the name that the file has.
  ///   - tags: of a new run.
  ///   - info: who imports.
  /// - Throws: `notFound`, `io`; `badData` for what is no checkpoint of this library, `notFinite`,
  ///   `shapeMismatch`, each naming the file; those of the registry.
  public static func run(
    _ path: String, to registry: () throws -> Registry, name: String? = nil, tags: [String] = [],
    session info: SessionInfo
  ) throws -> Registry.Imported {
    let imported: ImportedRun
    do {
      imported = try content(
        of: CheckpointContainer.read(path), from: path, name: name, tags: tags, info)
    } catch let error as CifarError {
      throw error.of(file: path)
    }
    try Registry.check(imported.run)
    return try registry().importRun(imported)
  }

  /// Makes a run of a model's weights: one that has not begun, with the model's hyperparameters and a
  /// checkpoint of these weights.
  ///
  /// - Parameters:
  ///   - source: where the model came from.
  ///   - name: what to call the run; nil for no name.
  /// - Throws: those of the registry, `outOfMemory`.
  public static func run(
    of model: Model, from source: String, to registry: () throws -> Registry, name: String?,
    tags: [String] = [], session info: SessionInfo
  ) throws -> Registry.Imported {
    let file = try model.checkpoint()
    let imported = try content(of: file, from: source, name: name, tags: tags, info)
    try Registry.check(imported.run)
    return try registry().importRun(imported)
  }

  private static func content(
    of file: [UInt8], from source: String, name: String?, tags: [String], _ info: SessionInfo
  ) throws -> ImportedRun {
    if try WeightsContainer.description(in: SafeTensors.metadata(of: file)) != nil {
      throw CifarError(
        .badData,
        "the file has weights alone, and nothing of their training to continue: `cifar import` makes "
          + "a run that begins with them, `cifar export --format checkpoint` writes all")
    }
    let checkpoint = try Checkpoint(file)
    try Trainer.check(checkpoint)
    let left = try CheckpointContainer.run(in: file).map {
      try StateCoding.decode(SidecarRun.self, from: $0, what: "what the file says of its run")
    }
    // The bytes of a checkpoint that was stored in its time.
    let bytes = left == nil ? file : try CheckpointContainer.setting(run: nil, in: file)
    let hyperparameters = checkpoint.hyperparameters
    var run = NewRun(
      name: name ?? left?.name, recipe: hyperparameters.recipe,
      hyperparameters: try StateCoding.encode(hyperparameters),
      model: try StateCoding.encode(hyperparameters.modelSpec),
      dataset: hyperparameters.data?.name ?? "memory",
      datasetHash: hyperparameters.data?.trainHash, seed: hyperparameters.seed,
      epochsPlanned: hyperparameters.exactEpochs,
      retention: left.map { Retention(last: $0.keepLast, every: $0.keepEvery) } ?? .last(2),
      session: info)
    run.tags = tags + (left?.tags ?? []).filter { !tags.contains($0) }
    run.group = left?.group
    let stored = NewCheckpoint(
      epoch: checkpoint.epoch, batch: checkpoint.batch, step: checkpoint.step, data: bytes,
      isBest: left?.isBest ?? true)
    var imported = ImportedRun(
      run: run, checkpoint: stored,
      end: SessionEnd(.interrupted, reason: "imported from \(source)"))
    imported.seconds = checkpoint.secondsInEpoch
    if let left { try add(left, to: &imported) }
    return imported
  }

  /// - Throws: `badData` for illegal values.
  private static func add(_ left: SidecarRun, to imported: inout ImportedRun) throws {
    guard let ended = Timestamp(left.ended) else {
      throw CifarError(
        .badData,
        "what the file says of its run cannot be read: ended is '\(left.ended.excerpt)', no time")
    }
    let rows = left.epochs.map(\.row)
    let numbers = rows.map(\.epoch)
    guard zip(numbers, numbers.dropFirst()).allSatisfy(<),
      numbers.allSatisfy({ $0 <= imported.checkpoint.epoch })
    else {
      throw CifarError(
        .badData, "what the file says of its run cannot be read: its epochs are not in order")
    }
    imported.epochs = rows
    imported.seconds += rows.reduce(0) { $0 + $1.seconds }
    imported.metrics = left.metrics.map {
      MetricRow(name: $0.name, epoch: $0.epoch, value: $0.value)
    }
    imported.notes = left.notes.map { $0.utf8.count > 100_000 ? $0.oneLine(atMost: 4095) : $0 }
    imported.end = SessionEnd(
      left.status, reason: left.reason.oneLine(atMost: CifarError.longestMessage), time: ended)
    imported.origin = ImportedRun.Origin(run: left.id, token: left.token)
  }
}
