import CifarCore
import CifarRegistry
import CommandSupport

/// A column of the list.
struct ListColumn: Sendable {
  /// As `--columns` calls it.
  var name: String
  var title: Table.Column
  var cell: @Sendable (RunSummary) -> Table.Cell
  /// The value for programs; nil for what only people look at.
  var value: (@Sendable (RunSummary) -> JSONValue)?

  static let standard: [ListColumn] = [
    ListColumn(
      name: "id", title: .init("ID"), cell: { .init($0.shortID, .cyan) },
      value: { .string($0.id) }),
    ListColumn(
      name: "name", title: .init("NAME", rank: 1, narrowest: 8), cell: { .init($0.name ?? "") },
      value: { .optional($0.name) }),
    ListColumn(
      name: "status", title: .init("STATUS"),
      cell: { .init($0.status.rawValue, $0.status.style) }, value: { .string($0.status.rawValue) }),
    ListColumn(
      name: "started", title: .init("STARTED", rank: 4),
      cell: { .init(Format.localTime(secondsSince1970: $0.started.secondsSince1970)) },
      value: { .string($0.started.description) }),
    ListColumn(
      name: "duration", title: .init("TIME", right: true, rank: 5),
      cell: { .init(Format.duration($0.durationSeconds)) }, value: { .number($0.durationSeconds) }),
    ListColumn(
      name: "epochs", title: .init("EPOCHS", right: true), cell: { .init($0.epochsText) },
      value: { .integer(Int64($0.epochs)) }),
    ListColumn(
      name: "last", title: .init("LAST ACC", right: true, rank: 3),
      cell: { .init($0.lastValAccuracy.text(Format.percent)) },
      value: { .optional($0.lastValAccuracy) }),
    ListColumn(
      name: "best", title: .init("BEST ACC", right: true),
      cell: { .init($0.bestValAccuracy.text(Format.percent)) },
      value: { .optional($0.bestValAccuracy) }),
    ListColumn(
      name: "loss", title: .init("BEST LOSS", right: true, rank: 7),
      cell: { .init($0.bestValLoss.text(Format.loss)) }, value: { .optional($0.bestValLoss) }),
    ListColumn(
      name: "curve", title: .init("VAL LOSS", rank: 2),
      cell: { .init(Sparkline.text($0.validationLosses ?? []), .dim) }),
    ListColumn(
      name: "group", title: .init("GROUP", rank: 6, narrowest: 8), cell: { .init($0.group ?? "") },
      value: { .optional($0.group) }),
    ListColumn(
      name: "tags", title: .init("TAGS", rank: 8, narrowest: 8),
      cell: { .init($0.tags.joined(separator: ", ")) },
      value: { .array($0.tags.map { .string($0) }) }),
    ListColumn(
      name: "recipe", title: .init("RECIPE", rank: 9, narrowest: 7), cell: { .init($0.recipe) },
      value: { .string($0.recipe) }),
  ]

  private static let others: [ListColumn] = [
    ListColumn(
      name: "uuid", title: .init("UUID"), cell: { .init($0.id, .cyan) }, value: { .string($0.id) }),
    ListColumn(
      name: "data", title: .init("DATA", rank: 9, narrowest: 7), cell: { .init($0.dataset) },
      value: { .string($0.dataset) }),
    ListColumn(
      name: "trashed", title: .init("REMOVED"),
      cell: {
        .init($0.trashed.map { Format.localTime(secondsSince1970: $0.secondsSince1970) } ?? "–")
      }, value: { .optional($0.trashed?.description) }),
  ]

  /// The columns that `--columns` names. What is no column is a field of the filter language, a
  /// hyperparameter or a metric, and is asked for in `fields`.
  static func named(_ names: [String], fields: inout [String]) -> [ListColumn] {
    names.map { name in
      if let column = (standard + others).first(where: { $0.name == name }) { return column }
      let index = fields.count
      fields.append(name)
      let own = name.hasPrefix("metrics.") ? String(name.dropFirst("metrics.".count)) : name
      let format = EpochMetric(rawValue: name)?.format ?? ResultMetric(rawValue: own)?.format
      return ListColumn(
        name: name, title: .init(name.uppercased(), right: true),
        cell: { .init(text($0.values[index], format)) }, value: { JSONValue($0.values[index]) })
    }
  }

  private static func text(_ value: FieldValue, _ format: EpochMetric.Format?) -> String {
    switch value {
    case .null: "–"
    case .integer(let value): "\(value)"
    case .real(let value): format.map { Format.metric(value, $0) } ?? Format.short(value)
    case .text(let value): value
    }
  }
}
