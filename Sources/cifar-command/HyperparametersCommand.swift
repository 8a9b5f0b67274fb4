import CifarCore
import CifarTraining
import CommandSupport

/// `cifar hyperparameters`: what can be chosen, with its range, its default and its meaning.
enum HyperparametersCommand {
  private typealias Section = HyperparameterGuide.Section

  static var command: Command {
    Command(
      "hyperparameters", summary: "lists every hyperparameter, its range and its default",
      positionals: [
        Positional(
          "NAME", help: "of a hyperparameter, an augmentation, a callback or a schedule (else all)",
          required: false)
      ],
      options: [
        Option("--json", help: "JSON instead of tables"),
        Option("--markdown", help: "the page docs/hyperparameters.md"),
      ],
      discussion: """
        The names are those that --hyperparameters, cifar_train_options and cifar.fit take, that \
        `cifar-runs show` prints and that `cifar-runs list --filter` compares (by their whole path: \
        optimizer.beta1, hyperparameters.ema).
        """,
      examples: [
        "cifar hyperparameters", "cifar hyperparameters image_data_generator",
        "cifar hyperparameters weight_decay",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let sections = try chosen(arguments.positionals.first)
    if arguments.has("--json") { return Output.data(json(sections).text(indented: true) + "\n") }
    if arguments.has("--markdown") { return Output.write(HyperparameterPage.text(sections)) }
    for (index, section) in sections.enumerated() {
      if index > 0 { Output.line("") }
      Output.line(title(section))
      guard !section.rows.isEmpty else { continue }
      Output.write(table(section).text(for: .standardOutput, indent: 2))
    }
  }

  /// All, those of one kind, or what has an option of that name.
  private static func chosen(_ name: String?) throws -> [Section] {
    let all = HyperparameterGuide.sections
    guard let name else { return all }
    let kinds = all.filter { $0.type == name }
    if !kinds.isEmpty { return kinds }
    let holders = all.compactMap { section in
      section.rows.contains { $0.option.name == name } ? section.only(name) : nil
    }
    guard holders.isEmpty else { return holders }
    let known = all.flatMap { section in
      section.rows.map(\.option.name) + (section.type.map { [$0] } ?? [])
    }
    throw UsageError(
      "there is no hyperparameter '\(name)'" + Suggestion.text(for: name, among: known))
  }

  private static func title(_ section: Section) -> String {
    let what = HyperparameterPage.name(of: section.part)
    guard let type = section.type else { return what }
    return "\(what) \(type): \(section.meaning)"
  }

  private static func table(_ section: Section) -> Table {
    var table = Table([
      Table.Column("NAME"), Table.Column("DEFAULT", narrowest: 8),
      Table.Column("RANGE", narrowest: 10),
      Table.Column("MEANING", narrowest: 20),
    ])
    for row in section.rows {
      table.add([
        Table.Cell(row.option.name), Table.Cell(row.value), Table.Cell(row.option.legal),
        Table.Cell(row.option.meaning),
      ])
    }
    return table
  }

  private static func json(_ sections: [Section]) -> JSONValue {
    .array(
      sections.map { section in
        .object([
          "part": .string(HyperparameterPage.name(of: section.part)),
          "type": .optional(section.type), "meaning": .string(section.meaning),
          "options": .array(
            section.rows.map { row in
              .object([
                "name": .string(row.option.name), "range": .string(row.option.legal),
                "default": row.value.isEmpty ? .null : .string(row.value),
                "meaning": .string(row.option.meaning),
              ])
            }),
        ])
      })
  }
}
