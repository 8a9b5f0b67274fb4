import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// What a session ran in, a line a fact: the program, the machine, the state of the repository.
struct SessionFacts {
  /// Names with texts, in the order in which people read them.
  let lines: [(name: String, text: String)]

  /// - Parameter changes: the session's uncommitted changes; nil for none.
  init(_ session: SessionRow, changes: GitChanges?) {
    let info = session.info
    var lines: [(name: String, text: String)] = []
    func add(_ name: String, _ text: String?) {
      if let text, !text.isEmpty { lines.append((name, text)) }
    }
    add("command", info.commandLine)
    add("library", info.libraryVersion)
    add("instruction set", info.instructionSet)
    if info.threads > 0 { add("threads", "\(info.threads)") }
    add("host", session.host)
    add("directory", info.workingDirectory)
    add("commit", info.gitCommit)
    add("uncommitted", SessionFacts.uncommitted(session, changes: changes))
    let facts = info.environment ?? [:]
    for (key, name, format) in SessionFacts.known {
      if let value = facts[key] { add(name, format(value)) }
    }
    let known = Set(SessionFacts.known.map(\.key))
    // Packages, and what a newer library may have noted.
    lines += HyperparameterLines.lines(of: .object(facts.filter { !known.contains($0.key) }))
      .filter { !$0.name.isEmpty }.map { (name: $0.name, text: $0.value) }
    self.lines = lines
  }

  /// - Returns: nil outside of a repository.
  static func uncommitted(_ session: SessionRow, changes: GitChanges?) -> String? {
    if let changes { return changes.summary }
    guard session.info.gitCommit != nil else { return nil }
    // Libraries that did not look for changes did not note the machine, either.
    return session.info.environment == nil ? "not noted" : "none"
  }

  /// The members of `SessionInfo.environment` that have a name for people.
  private static let known:
    [(key: String, name: String, format: @Sendable (JSONValue) -> String?)] = [
      ("processor", "processor", { $0.string }),
      ("processors", "processors", { whole($0).map { "\($0)" } }),
      ("processor_limit", "processor limit", { whole($0).map { "\($0)" } }),
      ("memory", "memory", { whole($0).map(Format.bytes) }),
      ("memory_limit", "memory limit", { whole($0).map(Format.bytes) }),
      ("system", "system", { $0.string }),
      ("kernel", "kernel", { $0.string }),
    ]

  private static func whole(_ value: JSONValue) -> Int? {
    if case .integer(let number) = value { Int(number) } else { nil }
  }
}

extension GitChanges {
  /// `2 files, 1 untracked (3f2a91c0)`; equal changes have equal words.
  var summary: String {
    let unknown = self.unknown.map { "not known: \($0)" }
    guard !patch.isEmpty || !untracked.isEmpty else { return unknown ?? "none" }

    let count = patch.split(separator: "\n").count { $0.hasPrefix("diff --git ") }
    var parts: [String] = []
    if count > 0 || !patch.isEmpty { parts.append("\(count) file\(count == 1 ? "" : "s")") }
    if !untracked.isEmpty { parts.append("\(untracked.count) untracked") }
    if isCut { parts.append("not kept whole") }
    let bytes = Array((patch + untracked.joined(separator: "\0")).utf8)
    let known = parts.joined(separator: ", ") + " (\(SHA256.hexadecimal(of: bytes).prefix(8)))"
    return [known, unknown].compactMap { $0 }.joined(separator: "; ")
  }
}

extension Registry {
  func changes(of session: SessionRow) throws -> GitChanges? {
    try session.gitChanges.map { try gitChanges($0) }
  }
}
