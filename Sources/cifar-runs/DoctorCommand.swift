import CifarCore
import CifarRegistry
import CommandSupport
import Glibc

/// `cifar-runs doctor`: how the registry and its surroundings are.
enum DoctorCommand {
  static var command: Command {
    Command(
      "doctor", summary: "examines the registry and its surroundings, and advises",
      options: [.registry] + OutputFormat.options,
      discussion: """
        Quick: reads no checkpoint, and no values of runs. 'verify' does. Ends with exit code 1 if something needs care.
        """,
      examples: ["cifar-runs doctor"], run: run)
  }

  private struct Finding {
    var what: String
    var state: String
    /// What to do about it; nil where all is well.
    var advice: String?
  }

  private static func run(_ arguments: Arguments) throws {
    let registry = try arguments.openRegistry()
    let facts = try registry.facts()
    var findings = [
      Finding(what: "file", state: registry.path),
      Finding(what: "SQLite", state: facts.sqliteVersion),
      Finding(what: "schema", state: "\(facts.schema)"),
      size(facts), access(registry.path), space(registry.path, facts),
    ]
    if facts.names > 1 {
      findings.append(
        Finding(
          what: "names", state: "\(facts.names) (hard links)",
          advice: "remove the others, which find -samefile finds: who opens the file by another "
            + "while it is in use damages it, as its journal has another name then"))
    }
    findings.append(
      Finding(
        what: "runs",
        state: "\(facts.runs), \(facts.running) running, \(facts.crashed) crashed",
        advice: facts.lastCrashed.map {
          "continue a crashed run with: cifar resume \($0.prefix(8))"
        }))
    findings.append(
      Finding(
        what: "trash", state: facts.trash == 0 ? "empty" : "\(facts.trash) runs",
        advice: facts.trash == 0 ? nil : "cifar-runs gc frees their space"))
    findings.append(
      Finding(
        what: "quick check", state: facts.quickCheck,
        advice: facts.quickCheck == "ok"
          ? nil : "copy the file at once, then salvage it with sqlite3's .recover"))
    for stranger in try registry.strangers() {
      findings.append(
        Finding(what: "definitions", state: stranger.what, advice: stranger.remedy))
    }
    try write(findings, try arguments.format())
    // Advice on crashed runs and trash is a service, no fault.
    let faults = findings.filter { $0.advice != nil && !["runs", "trash"].contains($0.what) }
    if !faults.isEmpty {
      throw CifarError(
        .badData, "\(registry.path) needs care: \(faults.map(\.what).joined(separator: ", "))")
    }
  }

  private static func size(_ facts: RegistryFacts) -> Finding {
    let unused = Double(facts.freeBytes) / Double(max(1, facts.bytes))
    return Finding(
      what: "size",
      state: "\(Format.bytes(facts.bytes)), of which checkpoints "
        + "\(Format.bytes(facts.checkpointBytes)) and unused \(Format.bytes(facts.freeBytes))",
      advice: unused > 0.5 && facts.freeBytes > 100 << 20 ? "cifar-runs gc gives it back" : nil)
  }

  private static func access(_ path: String) -> Finding {
    let canWrite = Glibc.access(path, W_OK) == 0
    return Finding(
      what: "writable", state: canWrite ? "yes" : "no",
      advice: canWrite ? nil : "runs can be read but not recorded; check its permissions")
  }

  private static func space(_ path: String, _ facts: RegistryFacts) -> Finding {
    var status = statvfs()
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let directory = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
    guard statvfs(directory, &status) == 0 else {
      return Finding(what: "disk", state: "unknown")
    }
    let free = Int(
      clamping: status.f_bavail.multipliedReportingOverflow(by: status.f_frsize).partialValue)
    // A save writes the new checkpoint before it drops an old one, and a journal beside.
    let needed = 3 * facts.largestCheckpoint + (16 << 20)
    return Finding(
      what: "disk", state: "\(Format.bytes(free)) free",
      advice: free < needed ? "free some space: a save needs \(Format.bytes(needed))" : nil)
  }

  private static func write(_ findings: [Finding], _ format: OutputFormat) throws {
    let records: [Record] = findings.map {
      [("what", .string($0.what)), ("state", .string($0.state)), ("advice", .optional($0.advice))]
    }
    Output.write(records, as: format, columns: ["what", "state", "advice"])
    guard format == .table else { return }
    var table = Table(withoutTitles: [.init(""), .init(""), .init("", narrowest: 20)])
    for finding in findings {
      table.add([
        .init(finding.what, .dim), .init(finding.state), .init(finding.advice ?? "", .yellow),
      ])
    }
    Output.write(table.text(for: .standardOutput))
  }
}
