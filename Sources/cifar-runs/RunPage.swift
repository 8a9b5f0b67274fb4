import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// A run on a terminal: what it is, what it was told, how it went, what is left of it.
struct RunPage {
  var run: RunDetail
  /// The registry as the command line named it, if it did.
  var registryOption: String?
  var terminal: Terminal

  private var epochs: [EpochMetrics] { run.epochs }
  private var checkpoints: [CheckpointRow] { run.checkpoints }

  /// - Parameter brief: without the tables of epochs and sessions.
  func text(brief: Bool = false) throws -> TerminalText {
    var sections = [try heading(), section("Hyperparameters", try hyperparameters)]
    if !brief { sections.append(section("Epochs", epochTable)) }
    sections.append(section("Checkpoints", checkpointTable))
    if !brief {
      sections.append(section("Classes", classTable))
      sections.append(section("Sessions", sessionTable))
    }
    return sections.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func section(_ title: String, _ table: Table) -> TerminalText {
    if table.rows.isEmpty { return "" }
    return terminal.styled(title, .bold) + "\n" + table.text(for: terminal, indent: 2)
  }

  private func heading() throws -> TerminalText {
    let summary = run.summary
    var title = terminal.styled(String(run.id.prefix(8)), .cyan)
    if let name = summary.name {
      title += "  " + terminal.styled(name, .bold)
    }
    title += "  " + terminal.styled(summary.status.rawValue, summary.status.style)
    var facts = Table(withoutTitles: [.init(""), .init("")])
    func fact(_ name: String, _ text: String) {
      facts.add([.init(name, .dim), .init(text)])
    }
    fact("id", run.id)
    fact("recipe", summary.recipe)
    if let model { fact("model", model) }
    let hash = run.datasetHash.map { "  (SHA-256 \($0.prefix(12))…)" } ?? ""
    fact("data", summary.dataset + hash)
    fact("seed", "\(run.seed)")
    fact(
      "started", Format.localTime(secondsSince1970: summary.started.secondsSince1970, seconds: true)
    )
    let sessions = run.sessions.count
    fact(
      "time",
      Format.duration(summary.durationSeconds)
        + (sessions > 1 ? " in \(sessions) sessions" : ""))
    fact("epochs", "\(summary.epochs) of \(summary.epochsPlanned)")
    if let best = summary.bestValAccuracy, let epoch = bestEpoch {
      fact("best", "\(Format.percent(best)) validation accuracy in epoch \(epoch)")
    }
    if let loss = summary.bestValLoss, let row = epochs.first(where: { $0.valLoss == loss }) {
      fact("", "\(Format.loss(loss)) validation loss in epoch \(row.epoch)")
    }
    if summary.bestValAccuracy != nil {
      if let images = try run.chosenOn {
        fact("", "the \(images.rawValue) chose the epoch")
      } else if summary.epochs > 1, try run.validatesOnTestImages {
        fact("", "the best of \(summary.epochs) looks at the test images")
      }
    }
    for metric in Set(run.metrics.map(\.name)).sorted() {
      guard let last = run.metrics.last(where: { $0.name == metric }) else { continue }
      fact(metric, "\(Format.own(metric)(last.value)) in epoch \(last.epoch)")
    }
    if !summary.tags.isEmpty { fact("tags", summary.tags.joined(separator: ", ")) }
    if let group = summary.group { fact("group", group) }
    if let parent = summary.parent {
      let checkpoint = parent.checkpoint.map { "checkpoint \($0) of " } ?? ""
      fact("forked", "from \(checkpoint)run \(parent.run.prefix(8))")
    }
    if let info = run.sessions.last?.info {
      if let commit = info.gitCommit {
        let place = info.workingDirectory.map { " in \($0)" } ?? ""
        fact("commit", commit.prefix(12) + place)
      }
      if !info.commandLine.isEmpty { fact("command", info.commandLine) }
    }
    for note in run.notes {
      for (index, line) in note.text.split(whereSeparator: \.isNewline).prefix(20).enumerated() {
        fact(index == 0 ? "note" : "", String(line))
      }
    }
    if let reason = run.sessions.last?.reason, !reason.isEmpty { fact("ended", reason) }
    if summary.status == .crashed { fact("ended", "its process ended without recording an end") }
    if !checkpoints.isEmpty && summary.status != .running && summary.epochs < summary.epochsPlanned
    {
      let option = registryOption.map { " --registry \($0)" } ?? ""
      fact("resume", "cifar resume \(run.id.prefix(8))\(option)")
    }
    return title + "\n" + facts.text(for: terminal, indent: 2)
  }

  /// The preset's name or `custom`; nil for an imported run, whose model has no name.
  private var model: String? {
    guard case .object(let members)? = try? JSONValue(stored: run.hyperparameters),
      case .string(let name)? = members["model"]
    else { return nil }
    return name
  }

  private var bestEpoch: Int? {
    epochs.first { $0.valAccuracy == run.summary.bestValAccuracy }?.epoch
  }

  private var hyperparameters: Table {
    get throws {
      var table = Table(withoutTitles: [.init(""), .init("")])
      for line in HyperparameterLines.lines(of: try JSONValue(stored: run.hyperparameters)) {
        table.add([.init(line.name, .dim), .init(line.value)])
      }
      return table
    }
  }

  private var epochTable: Table {
    let columns = EpochMetric.allCases.map { metric in
      Table.Column(metric.title, right: true, rank: metric.rank)
    }
    var table = Table([.init("EPOCH", right: true)] + columns + [.init("", rank: 1)])
    for row in epochs {
      let isBest = row.epoch == bestEpoch
      let style: Style = isBest ? .green : .plain
      let cells = EpochMetric.allCases.map { metric in
        Table.Cell(row[metric].text { Format.metric($0, metric.format) }, style)
      }
      table.add([.init("\(row.epoch)", style)] + cells + [.init(isBest ? "best" : "", style)])
    }
    return table
  }

  var checkpointTable: Table {
    var table = Table([
      .init("ID", right: true), .init("EPOCH", right: true), .init("STEP", right: true, rank: 3),
      .init("SIZE", right: true, rank: 1), .init("SAVED", rank: 2), .init("SHA-256", rank: 4),
      .init(""),
    ])
    let last = checkpoints.last { !$0.isSuperseded }?.id
    for row in checkpoints {
      var remarks: [String] = []
      if row.id == last { remarks.append("last") }
      if row.isBest { remarks.append("best") }
      if row.isPinned { remarks.append("pinned") }
      if row.isWeightsOnly { remarks.append("weights only") }
      if row.isSuperseded { remarks.append("superseded") }
      let position = row.batch == 0 ? "\(row.epoch)" : "\(row.epoch) + \(row.batch) batches"
      let style: Style = row.isSuperseded ? .dim : .plain
      table.add([
        .init("\(row.id)", row.isSuperseded ? .dim : .cyan), .init(position, style),
        .init("\(row.step)", style), .init(Format.bytes(row.size), style),
        .init(
          Format.localTime(secondsSince1970: row.created.secondsSince1970, seconds: true), style),
        .init(row.sha256.prefix(12) + "…", style),
        .init(remarks.joined(separator: ", "), row.isBest ? .green : style),
      ])
    }
    return table
  }
}
