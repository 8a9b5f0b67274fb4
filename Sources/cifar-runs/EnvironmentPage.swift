import CifarCore
import CifarRegistry
import CommandSupport

/// `show --environment` and `show --patch`: what exactly was run.
struct EnvironmentPage {
  let run: RunDetail
  let registry: Registry

  func write(as format: OutputFormat) throws {
    guard format == .table else {
      let records = try run.sessions.map { session in
        session.record + [
          ("git_changes", try registry.changes(of: session)?.json ?? .null)
        ]
      }
      return Output.write(records, as: format, columns: (records.first ?? []).map(\.name))
    }
    let terminal = Terminal.standardOutput
    var sections: [TerminalText] = []
    for (index, session) in run.sessions.enumerated() {
      let changes = try registry.changes(of: session)
      var table = Table(withoutTitles: [.init(""), .init("")])
      for fact in SessionFacts(session, changes: changes).lines {
        table.add([.init(fact.name, .dim), .init(fact.text)])
      }
      for name in (changes?.untracked ?? []).prefix(20) {
        table.add([.init("untracked", .dim), .init(name)])
      }
      if let rest = changes.map({ $0.untracked.count - 20 }), rest > 0 {
        table.add([.init("", .dim), .init("… and \(rest) more")])
      }
      let started = Format.localTime(
        secondsSince1970: session.started.secondsSince1970, seconds: true)
      sections.append(
        terminal.styled("Session \(index + 1)", .bold)
          + TerminalText("  \(started)  \(session.status.rawValue)") + "\n"
          + table.text(for: terminal, indent: 2))
    }
    Output.write(sections.joined(separator: "\n"))
    if try hasPatch {
      Output.write("\n" as TerminalText)
      Output.line("The changes themselves: cifar-runs show \(run.id.prefix(8)) --patch")
    }
  }

  private var hasPatch: Bool {
    get throws {
      try run.sessions.contains { try registry.changes(of: $0)?.patch.isEmpty == false }
    }
  }

  /// The uncommitted changes of the newest session of which some are known.
  func writePatch() throws {
    var newest: GitChanges?
    var unknown: String?
    for session in run.sessions.reversed() where newest == nil {
      guard let changes = try registry.changes(of: session) else { continue }
      unknown = unknown ?? changes.unknown
      if !changes.patch.isEmpty { newest = changes }
    }
    guard let changes = newest else {
      let reason =
        unknown.map { "they are not known: \($0)" }
        ?? "there were none, or the working directory was in no git repository"
      throw CifarError(
        .notFound, "no uncommitted changes of run \(run.id.prefix(8)) are stored: \(reason)")
    }
    if let unknown = changes.unknown {
      Output.error("cifar-runs: not all changes are known: \(unknown)")
    }
    if changes.isCut {
      Output.error("cifar-runs: the changes were longer than what is kept; the end is missing")
    }
    // A file or `git apply` gets the bytes, a person what can be shown.
    if Terminal.standardOutput.isInteractive {
      Output.write(changes.patch)
    } else {
      Output.data(changes.patch)
    }
  }
}
