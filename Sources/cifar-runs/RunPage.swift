import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

/// A run on a terminal: what it is, what it was told, how it went, what is left of it.
struct RunPage {
  var run: RunDetail
  /// See `Arguments.registryOption`.
  var registryOption = ""
  var terminal: Terminal

  private var epochs: [EpochMetrics] { run.epochs }
  private var checkpoints: [CheckpointRow] { run.checkpoints }

  /// - Parameter brief: without the tables of epochs and sessions.
  func text(brief: Bool = false) throws -> TerminalText {
    var sections = [try heading(), section("Hyperparameters", try hyperparameters)]
    if !brief { sections.append(section("Epochs", epochTable)) }
    sections.append(section("Checkpoints", checkpointTable))
    if !brief {
      sections.append(section(try classTitle, classTable))
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
    let choices = try run.choices
    for (name, text) in results(choices) { fact(name, text) }
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
    // A completed one with fewer epochs than planned was ended by early stopping.
    let isOver = summary.status == .running || summary.status == .completed
    let isLacking =
      summary.epochs < summary.epochsPlanned && !isOver || summary.status == .interrupted
    if isLacking, !checkpoints.isEmpty {
      fact("resume", "cifar resume \(run.id.prefix(8))\(registryOption)")
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

  /// How the run did, and which of these figures are of weights that their images chose.
  private func results(_ choices: RunChoices) -> [(name: String, text: String)] {
    let summary = run.summary
    var lines: [(name: String, text: String)] = []
    func several(_ what: String) -> String {
      guard epochs.count > 1 else { return "" }
      let images = choices.validation.map { " on the \($0.rawValue)" } ?? ""
      return ", the \(what) of \(epochs.count)\(images)"
    }
    func chosen(_ images: ValidationImages?) -> String {
      images.map { ", chosen on the \($0.rawValue)" } ?? ""
    }
    if let best = summary.bestValAccuracy, let epoch = bestEpoch {
      lines.append(
        (
          "best",
          "\(Format.percent(best)) validation accuracy in epoch \(epoch)" + several("highest")
        ))
    }
    if let loss = summary.bestValLoss, let epoch = bestLossEpoch {
      lines.append(
        ("", "\(Format.loss(loss)) validation loss in epoch \(epoch)" + several("lowest")))
    }
    if let last = epochs.last, last.valAccuracy.isFinite, epochs.count > 1 {
      lines.append(
        (
          "last",
          "\(Format.percent(last.valAccuracy)) validation accuracy in epoch \(last.epoch)"
            + chosen(choices.lastEpoch)
        ))
    }
    if let row = checkpoints.last(where: \.isBest) {
      let monitors = choices.bestMonitors.map(\.rawValue).joined(separator: " or ")
      lines.append(
        (
          "best checkpoint",
          "of epoch \(row.epoch)"
            + (monitors.isEmpty || epochs.count < 2 ? "" : ", the best by \(monitors)")
            + chosen(choices.best)
        ))
    }
    for metric in Set(run.metrics.map(\.name)).sorted() {
      guard let last = run.metrics.last(where: { $0.name == metric }) else { continue }
      let choice = ResultMetric(rawValue: metric).flatMap { choices.choice(of: $0) }
      lines.append(
        (metric, "\(Format.own(metric)(last.value)) in epoch \(last.epoch)" + chosen(choice)))
    }
    return lines
  }

  /// The first one with the highest validation accuracy.
  private var bestEpoch: Int? {
    run.summary.bestValAccuracy.flatMap { best in epochs.first { $0.valAccuracy == best }?.epoch }
  }

  private var bestLossEpoch: Int? {
    run.summary.bestValLoss.flatMap { best in epochs.first { $0.valLoss == best }?.epoch }
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
      let style: Style = row.epoch == bestEpoch ? .green : .plain
      let marks = [
        row.epoch == bestEpoch ? "best accuracy" : nil,
        row.epoch == bestLossEpoch ? "best loss" : nil,
      ]
      let cells = EpochMetric.allCases.map { metric in
        Table.Cell(row[metric].text { Format.metric($0, metric.format) }, style)
      }
      let mark = marks.compactMap { $0 }.joined(separator: ", ")
      table.add([.init("\(row.epoch)", style)] + cells + [.init(mark, style)])
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
