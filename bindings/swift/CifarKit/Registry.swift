import CCifar

/// The record of all runs.
///
/// `run` is everywhere a run's id, the first 4 or more characters of it, or its name.
public final class Registry: @unchecked Sendable {
  private let pointer: OpaquePointer

  /// - Parameter path: the SQLite file, which must be there; nil for `$CIFAR_REGISTRY`, else
  ///   `./cifar-runs.db`.
  /// - Throws: ``CifarError``: `notFound`, `foreignDatabase`, `newerDatabase`, `database`.
  public init(_ path: String? = nil) throws {
    pointer = try CStrings.during { strings in
      let path = try strings(path)
      return try made { cifar_registry_open(path, $0) }
    }
  }

  deinit { cifar_registry_free(pointer) }

  // MARK: Asking

  /// The runs for which a filter holds; those with an impossible value are left out.
  ///
  /// - Parameters:
  ///   - filter: such as `val_accuracy > 0.8 and started > '2 days ago'`; `cifar-runs list --help`
  ///     names the fields. nil for all.
  ///   - sort: a field; nil for the time at which they were started.
  ///   - ascending: the smallest or earliest first, in place of the largest or latest.
  ///   - limit: at most this many; nil for all.
  ///   - trash: the runs in the trash instead.
  /// - Throws: ``CifarError``: `invalidArgument`, naming the column of the filter.
  public func runs(
    where filter: String? = nil, sort: String? = nil, ascending: Bool = false, limit: Int? = nil,
    trash: Bool = false
  ) throws -> [RunInfo] {
    let found = try CStrings.during { strings in
      var query = try filled(cifar_run_query()) { cifar_run_query_init($0, $1) }
      query.filter = try strings(filter)
      query.sort = try strings(sort)
      query.ascending = ascending ? 1 : 0
      query.limit = try nonNegative(limit ?? 0, "limit")
      query.trash = trash ? 1 : 0
      return try made { cifar_registry_query(pointer, &query, $0) }
    }
    defer { cifar_run_list_free(found) }
    return try (0..<counted { cifar_run_list_count(found, $0) }).map { index in
      RunInfo(try filled(cifar_run_info()) { cifar_run_list_get(found, index, $0, $1) })
    }
  }

  /// All about one run but the bytes of its checkpoints.
  ///
  /// - Throws: ``CifarError``: `notFound`; `ambiguous`, naming the candidates; `badData`.
  public func run(_ run: String) throws -> Run {
    let run = try CStrings.during { strings in
      let run = try strings(run)
      return try made { cifar_registry_find(pointer, run, $0) }
    }
    defer { cifar_run_free(run) }
    return try Run(run)
  }

  // MARK: Editing

  /// Adds a tag of 1 to 200 bytes on one line; one that is there already stays.
  public func tag(_ run: String, _ tag: String) throws {
    try CStrings.during { try check(cifar_registry_tag(pointer, $0(run), $0(tag))) }
  }

  /// Takes a tag off.
  public func untag(_ run: String, _ tag: String) throws {
    try CStrings.during { try check(cifar_registry_untag(pointer, $0(run), $0(tag))) }
  }

  /// Adds a remark, of any number of lines.
  public func note(_ run: String, _ text: String) throws {
    try CStrings.during { try check(cifar_registry_note(pointer, $0(run), $0(text))) }
  }

  /// Gives a run another name; nil takes it away.
  public func rename(_ run: String, to name: String?) throws {
    try CStrings.during { try check(cifar_registry_rename(pointer, $0(run), $0(name))) }
  }

  /// Makes retention keep a checkpoint, or lets it go again.
  public func pin(checkpoint: Int64, _ isPinned: Bool = true) throws {
    try check(cifar_registry_pin(pointer, checkpoint, isPinned ? 1 : 0))
  }

  /// Makes a new run that begins where a checkpoint of another one stands; resume it to continue.
  ///
  /// - Parameter checkpoint: "last", "best" or a checkpoint's id.
  /// - Returns: the new run's id.
  public func fork(
    _ run: String, checkpoint: String = "last", name: String? = nil
  ) throws -> String {
    try CStrings.during { strings in
      try identifier {
        try cifar_registry_fork(pointer, strings(run), strings(checkpoint), strings(name), $0)
      }
    }
  }

  /// Puts a run into the trash.
  ///
  /// - Throws: ``CifarError``: `busy` while it is running.
  public func remove(_ run: String) throws {
    try CStrings.during { try check(cifar_registry_remove(pointer, $0(run), 0)) }
  }

  /// Takes a run out of the trash, as it was.
  public func restore(_ run: String) throws {
    try CStrings.during { try check(cifar_registry_restore(pointer, $0(run))) }
  }

  /// Empties the trash for good and returns the bytes given back.
  public func collect() throws -> UInt64 {
    var freed: UInt64 = 0
    try check(cifar_registry_collect(pointer, &freed))
    return freed
  }

  /// Leaves completed runs, or the one that is named, the full state of their last checkpoint and of
  /// the others the weights.
  ///
  /// - Returns: how many bytes less are stored, or would be.
  @discardableResult public func slim(
    _ run: String? = nil, dryRun: Bool = false
  ) throws -> UInt64 {
    var freed: UInt64 = 0
    try CStrings.during {
      try check(cifar_registry_slim(pointer, $0(run), dryRun ? 1 : 0, &freed))
    }
    return freed
  }

  // MARK: Files

  /// Writes a checkpoint to a safetensors file.
  public func export(checkpoint: Int64, to path: String) throws {
    try CStrings.during { try check(cifar_registry_export(pointer, checkpoint, $0(path))) }
  }

  /// Makes a run from a checkpoint's file, and returns its id.
  public func importCheckpoint(_ path: String, name: String? = nil) throws -> String {
    try CStrings.during { strings in
      try identifier { try cifar_registry_import(pointer, strings(path), strings(name), $0) }
    }
  }

  /// Writes a copy of the registry as it is at one moment, while others train.
  public func backup(to path: String) throws {
    try CStrings.during { try check(cifar_registry_backup(pointer, $0(path))) }
  }

  /// What ``merge(from:run:skipConflicts:)`` came to.
  public struct Merged: Sendable, Equatable {
    /// Runs that were not there before.
    public var added: Int
    /// Runs that were, and have what they lacked.
    public var updated: Int
    /// Runs that lacked nothing.
    public var unchanged: Int
    /// Runs that were left out, as they went on in both files.
    public var conflicts: Int
    /// Checkpoints that were copied.
    public var checkpoints: Int
  }

  /// Takes up the runs of another registry, in one transaction; doing it again changes nothing.
  ///
  /// - Parameters:
  ///   - run: this run only; nil for all.
  ///   - skipConflicts: whether to leave out runs that went on in both files.
  /// - Throws: ``CifarError``: `invalidState` for a run that went on in both files.
  @discardableResult public func merge(
    from path: String, run: String? = nil, skipConflicts: Bool = false
  ) throws -> Merged {
    let info = try CStrings.during { strings in
      let path = try strings(path)
      let run = try strings(run)
      return try filled(cifar_merge_info()) {
        cifar_registry_merge(pointer, path, run, skipConflicts ? 1 : 0, $0, $1)
      }
    }
    return Merged(
      added: Int(info.added), updated: Int(info.updated), unchanged: Int(info.unchanged),
      conflicts: Int(info.conflicts), checkpoints: Int(info.checkpoints))
  }

  /// Looks for damage.
  ///
  /// - Parameter run: only this run's checkpoints; nil for all there is.
  /// - Returns: a sentence for each problem.
  public func problems(of run: String? = nil) throws -> [String] {
    var problems: [String] = []
    try withUnsafeMutablePointer(to: &problems) { found in
      try CStrings.during { strings in
        try check(
          cifar_registry_verify(
            pointer, strings(run),
            { problem, found in
              let found = found?.assumingMemoryBound(to: [String].self)
              if let problem { found?.pointee.append(String(cString: problem)) }
              return 0
            }, found))
      }
    }
    return problems
  }
}

/// A UUID that a call writes.
private func identifier(
  _ write: (UnsafeMutablePointer<CChar>) throws -> cifar_status
) throws -> String {
  try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 37) { id in
    guard let first = id.baseAddress else { return "" }
    try check(write(first))
    return String(cString: first)
  }
}
