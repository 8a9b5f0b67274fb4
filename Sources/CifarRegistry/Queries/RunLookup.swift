import CifarCore

/// Finds the run that someone means.
struct RunLookup {
  var key: Int64
  var uuid: String

  /// - Parameter text: a UUID, at least its first four characters, or a run's exact name.
  /// - Parameter trashed: whether to look in the trash instead.
  /// - Throws: `notFound`; `ambiguous`, naming the candidates; `badData` for a run whose id is none.
  static func find(
    _ text: String, trashed: Bool = false, in connection: Connection
  ) throws -> RunLookup {
    let prefix = text.lowercased()
    let found = try candidates(text, prefix, trashed: trashed, in: connection)
    if found.count == 1 { return found[0].run }
    if found.isEmpty { throw try missing(text, prefix, trashed, in: connection) }
    let candidates = found.prefix(5).map { run, name in
      run.uuid.prefix(13) + (name.map { " (\($0))" } ?? "")
    }
    let more = found.count > 5 ? " and \(found.count - 5) more" : ""
    throw CifarError(
      .ambiguous,
      "'\(text.excerpt)' fits \(found.count) runs: \(candidates.joined(separator: ", "))\(more);"
        + " give more of the id")
  }

  private static func candidates(
    _ text: String, _ prefix: String, trashed: Bool, in connection: Connection
  ) throws -> [(run: RunLookup, name: String?)] {
    let isPrefix = prefix.utf8.count >= 4 && prefix.utf8.allSatisfy(isUUIDCharacter)
    // '~' sorts after every character of a UUID.
    return try connection.rows(
      """
      SELECT id, uuid, name FROM runs WHERE ((uuid >= ? AND uuid < ?) OR name = ?)
        AND trashed IS \(trashed ? "NOT NULL" : "NULL") ORDER BY id DESC
      """,
      [
        isPrefix ? .text(prefix) : .null, isPrefix ? .text(prefix + "~") : .null, .text(text),
      ],
      of: .runs
    ) {
      (
        RunLookup(key: try $0.key("id"), uuid: try $0.uuid("uuid")), try $0.optionalText("name")
      )
    }
  }

  private static func missing(
    _ text: String, _ prefix: String, _ trashed: Bool, in connection: Connection
  ) throws -> CifarError {
    if let other = try candidates(text, prefix, trashed: !trashed, in: connection).first {
      let name = other.run.uuid.prefix(8)
      return CifarError(
        .notFound,
        trashed
          ? "run \(name) is not in the trash"
          : "run \(name) is in the trash; get it back with: cifar-runs restore \(name)")
    }
    if !text.isEmpty && text.utf8.count < 4 && prefix.utf8.allSatisfy(isUUIDCharacter) {
      return CifarError(
        .notFound, "no run is called '\(text.excerpt)'; an id needs at least its first 4 characters"
      )
    }
    let count = try connection.integer("SELECT count(*) FROM runs") ?? 0
    return CifarError(
      .notFound,
      "no run in \(connection.path) has the id or name '\(text.excerpt)' (of \(count) runs)")
  }

  private static func isUUIDCharacter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte) || byte == UInt8(ascii: "-")
  }
}
