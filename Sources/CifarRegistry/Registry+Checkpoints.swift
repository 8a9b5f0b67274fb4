import CifarCore

extension Registry {
  /// The run's checkpoints, oldest first.
  public func checkpoints(of run: String) throws -> [CheckpointRow] {
    try reading { connection in
      let run = try RunLookup.find(run, in: connection)
      return try CheckpointTable.all(of: run.key, in: connection)
    }
  }

  /// The run's current checkpoints, newest first; in the place of one whose row holds an
  /// illegal value, the error that names it.
  public func currentCheckpoints(of run: String) throws -> [Result<CheckpointRow, CifarError>] {
    try reading { connection in
      let run = try RunLookup.find(run, in: connection)
      return try CheckpointTable.currentCheckpoints(of: run.key, in: connection)
    }
  }

  /// The checkpoint of a run that `choice` means.
  /// - Throws: `notFound` if there is none; the message names those there are.
  public func checkpoint(_ choice: CheckpointChoice, of run: String) throws -> CheckpointRow {
    try reading { connection in
      let run = try RunLookup.find(run, in: connection)
      return try CheckpointTable.entry(choice, of: run, in: connection).row
    }
  }

  /// The id of the checkpoint that `choice` means, whatever its row holds; nil if there is none.
  public func checkpointID(_ choice: CheckpointChoice, of run: String) throws -> Int64? {
    try reading { connection in
      let run = try RunLookup.find(run, in: connection)
      return try CheckpointTable.id(choice, of: run.key, in: connection)
    }
  }

  /// The kernels' instruction set that a checkpoint was computed with; nil where it is not known.
  public func instructionSet(of checkpoint: Int64) throws -> String? {
    try reading { connection in
      try connection.first(
        """
        SELECT s.id, s.instruction_set FROM checkpoints c JOIN sessions s ON s.id = c.session
        WHERE c.id = ? AND s.instruction_set <> ''
        """, [.integer(checkpoint)], of: .sessions
      ) { try $0.text("instruction_set") }
    }
  }

  /// Whether a run began with the checkpoint, and did not train it: that of a fork, or one that was
  /// imported.
  public func isOrigin(checkpoint: Int64) throws -> Bool {
    try reading { connection in
      try connection.integer(
        """
        SELECT c.session = (SELECT min(id) FROM sessions WHERE run = c.run)
          AND (r.parent IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM epochs WHERE run = c.run AND epoch = c.epoch))
        FROM checkpoints c JOIN runs r ON r.id = c.run WHERE c.id = ?
        """, [.integer(checkpoint)]) == 1
    }
  }

  /// The bytes of a checkpoint, as they were saved.
  /// - Throws: `notFound`; `checksumMismatch` if the file has been damaged since.
  public func checkpointData(_ id: Int64) throws -> [UInt8] {
    try reading { connection in
      let entry = try CheckpointTable.entry(id, in: connection)
      var bytes: [UInt8] = []
      let owner = "checkpoint \(id) of run \(entry.row.run.prefix(8))"
      try BlobStore.read(entry.blob, of: owner, in: connection) {
        try bytes.append(securedContentsOf: $0, of: "the bytes of a checkpoint")
      }
      return bytes
    }
  }

  /// Hands over the bytes of a checkpoint chunk by chunk, so that memory stays flat.
  ///
  /// - Parameter receive: gets each chunk; it is valid for the call only.
  /// - Throws: `notFound`; `checksumMismatch` at the end if the file has been damaged since: what
  ///   was received is worth nothing then.
  public func readCheckpoint(
    _ id: Int64, _ receive: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try reading { connection in
      let entry = try CheckpointTable.entry(id, in: connection)
      let owner = "checkpoint \(id) of run \(entry.row.run.prefix(8))"
      try BlobStore.read(entry.blob, of: owner, in: connection, receive)
    }
  }
}
