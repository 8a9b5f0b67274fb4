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
    if run.sessions.contains(where: { $0.gitChanges != nil }) {
      Output.write("\n" as TerminalText)
      Output.line("The changes themselves: cifar-runs show \(run.id.prefix(8)) --patch")
    }
  }

  /// The uncommitted changes of the newest session that had some.
  func writePatch() throws {
    guard let session = run.sessions.last(where: { $0.gitChanges != nil }),
      let changes = try registry.changes(of: session), !changes.patch.isEmpty
    else {
      throw CifarError(
        .notFound,
        "no uncommitted changes of run \(run.id.prefix(8)) are stored: there were none, the working "
          + "directory was in no git repository, or --no-patch was given")
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
