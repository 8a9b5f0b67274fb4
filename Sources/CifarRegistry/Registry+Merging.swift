import CifarCore
import Glibc

/// Bringing registries of several machines together.
extension Registry {
  /// What `merge` came to.
  public struct Merged: Sendable, Equatable {
    public enum Outcome: String, Sendable {
      /// The run was not there before.
      case added
      /// It was, and has what it lacked.
      case updated
      /// It lacked nothing.
      case unchanged
      /// Both files have something that the other has not; it was left as it is.
      case conflict
    }

    public struct Run: Sendable, Equatable {
      /// UUID.
      public var id: String
      public var name: String?
      public var outcome: Outcome
      /// What is in conflict; empty for the others.
      public var reason: String
    }

    /// In the order in which the source has them.
    public var runs: [Run] = []
    /// Checkpoints that were copied.
    public var checkpoints = 0

    public func count(_ outcome: Outcome) -> Int { runs.count { $0.outcome == outcome } }
  }

  /// Takes up the runs of another registry, in one transaction: all of it lands, or nothing.
  ///
  /// A run that is not there is copied whole, with sessions, epochs, metrics, checkpoints, evaluation,
  /// tags and notes. One that is there, and went on in the other file, gets what it lacks. Doing it
  /// again changes nothing. A run in the trash of the other file is left out, and one in the trash
  /// here stays as it is. Trainings may go on in both files; those that write to this one wait.
  /// - Parameters:
  ///   - path: the other registry.
  ///   - runs: which runs, as for `run(matching:)`; nil for all.
  ///   - skipConflicts: whether the others are taken up where a run is in conflict.
  /// - Throws: `invalidArgument` for the same file; `invalidState` for a run that went on in both files,
  ///   naming each; `checksumMismatch` for a damaged checkpoint; what opening a registry throws.
  public func merge(
    from path: String, runs: [String]? = nil, skipConflicts: Bool = false
  ) throws -> Merged {
    guard !Registry.areSame(path, self.path) else {
      throw CifarError(.invalidArgument, "\(path) and \(self.path) are the same file")
    }
    let source = try Registry(path: path, mode: .readOnly, busyTimeout: busyTimeout)
    let ids = try source.keys(of: runs)
    var unused = 0
    let merged = try writing { target in
      var merged = Merged()
      for (uuid, name) in ids {
        let (outcome, checkpoints, dropped) = try Registry.merge(uuid, from: source, to: target)
        var run = Merged.Run(id: uuid, name: name, outcome: .unchanged, reason: "")
        switch outcome {
        case .added: run.outcome = .added
        case .updated: run.outcome = .updated
        case .unchanged: break
        case .conflict(let reason): (run.outcome, run.reason) = (.conflict, reason)
        }
        merged.runs.append(run)
        merged.checkpoints += checkpoints
        unused += dropped
      }
      let conflicts = merged.runs.filter { $0.outcome == .conflict }
      if let first = conflicts.first, !skipConflicts {
        let others = conflicts.dropFirst().map { String($0.id.prefix(8)) }
        let more =
          others.isEmpty
          ? ""
          : "; so are \(others.prefix(10).joined(separator: ", "))"
            + (others.count > 10 ? " and \(others.count - 10) more" : "")
        throw CifarError(
          .invalidState,
          "nothing was merged: run \(first.id.prefix(8)) is in conflict, \(first.reason)\(more); "
            + "leave such runs out (--skip-conflicts, skip_conflicts in C and Python), or delete one "
            + "of the two (cifar-runs rm, then gc)")
      }
      return merged
    }
    if unused > 0 { try shrink() }
    return merged
  }

  /// What a new registry is written over: nothing.
  private static let kind = FileKind("a registry") { _ in false }

  /// Takes up runs into a registry that need not be there yet: a new one gets its name when all is in
  /// it, so that nothing is left of one that could not be written.
  ///
  /// - Parameters:
  ///   - target: the registry that gets them.
  ///   - source, runs, skipConflicts: as for `merge(from:runs:skipConflicts:)`.
  public static func merge(
    from source: String, into target: String, runs: [String]? = nil, skipConflicts: Bool = false
  ) throws -> Merged {
    func merge(into path: String) throws -> Merged {
      try Registry(path: path, mode: .readWrite(create: true))
        .merge(from: source, runs: runs, skipConflicts: skipConflicts)
    }
    try checkPresence(target, .readWrite(create: true))
    guard try DatabasePath.examine(target) == .nothing else { return try merge(into: target) }
    var merged: Merged?
    do {
      try FileWriter.make(at: target, as: Registry.kind) { place in
        do {
          merged = try merge(into: place)
        } catch {
          // Nobody else knows the file that it belongs to.
          unlink(place + "-journal")
          guard let error = error as? CifarError else { throw error }
          throw CifarError(error.code, error.message.replacing(place, with: target))
        }
      }
    } catch let error as CifarError where error.code == .invalidArgument && merged != nil {
      // Someone else has made the registry meanwhile.
      merged = try merge(into: target)
    }
    guard let merged else { throw CifarError(.internal, "a new registry was not written") }
    return merged
  }

  private static func areSame(_ first: String, _ second: String) -> Bool {
    var (one, other) = (stat(), stat())
    return stat(first, &one) == 0 && stat(second, &other) == 0 && one.st_dev == other.st_dev
      && one.st_ino == other.st_ino
  }

  /// UUIDs and names in the order of their keys, so that a run comes before those forked from it.
  private func keys(of runs: [String]?) throws -> [(uuid: String, name: String?)] {
    try reading { connection in
      let wanted = try runs.map { runs in
        Set(try runs.map { try RunLookup.find($0, in: connection).uuid })
      }
      return try connection.rows(
        "SELECT id, uuid, name FROM runs WHERE trashed IS NULL ORDER BY id", of: .runs
      ) { (uuid: try $0.uuid("uuid"), name: try $0.optionalText("name")) }
      .filter { wanted?.contains($0.uuid) ?? true }
    }
  }

  private enum Step: Sendable {
    case needs([BlobCopy])
    case done(RunMerge.Outcome, checkpoints: Int)
  }

  private static func merge(
    _ uuid: String, from source: Registry, to target: Connection
  ) throws -> (RunMerge.Outcome, checkpoints: Int, unused: Int) {
    var copied: [Int64] = []
    // A training in the source may save checkpoints, and prune some, while others are copied. What has
    // come meanwhile is copied once more; then the training waits for it, so that there is an end.
    var rounds = 0
    while true {
      rounds += 1
      let step = try source.reading { connection -> Step in
        let merge = try RunMerge(uuid, from: connection, to: target)
        if !merge.isUpToDate { try merge.check() }
        let missing = try merge.missingBlobs()
        if rounds > 2 {
          let held = HeldRegistry(connection: connection)
          for blob in missing { _ = try blob.run(from: held, to: target) }
        } else if !missing.isEmpty {
          return .needs(missing)
        }
        let (outcome, checkpoints) = try merge.run()
        return .done(outcome, checkpoints: checkpoints)
      }
      switch step {
      case .needs(let blobs):
        for blob in blobs {
          if let key = try blob.run(from: source, to: target) { copied.append(key) }
        }
      case .done(let outcome, let checkpoints):
        let unused = try BlobStore.deleteUnused(copied, in: target)
        return (outcome, checkpoints, unused)
      }
    }
  }
}
