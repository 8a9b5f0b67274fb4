import CifarCore

/// How a command's results are written.
public enum OutputFormat: Sendable {
  /// For people.
  case table
  case json
  /// One JSON object a line.
  case jsonLines
  case csv

  public static let options = [
    Option("--json", help: "JSON instead of a table"),
    Option("--jsonl", help: "one JSON object a line"),
    Option(
      "--csv",
      help: "comma-separated values with a title line; a ' stands before text that a spreadsheet "
        + "would take for a formula"),
  ]
}

/// A result with names for its values, in the order in which they are shown.
public typealias Record = [(name: String, value: JSONValue)]

extension Arguments {
  /// - Throws: `UsageError` when several are asked for, as the initializer does.
  public func format() throws -> OutputFormat {
    let chosen = ["--json", "--jsonl", "--csv"].filter(has)
    guard chosen.count <= 1 else {
      throw UsageError("\(chosen.joined(separator: " and ")) exclude each other")
    }
    switch chosen.first {
    case "--json": return .json
    case "--jsonl": return .jsonLines
    case "--csv": return .csv
    default: return .table
    }
  }
}

extension Output {
  /// Writes results to stdout: as an array, a line each, or rows.
  /// - Parameter records: all with the same names in the same order.
  public static func write(_ records: [Record], as format: OutputFormat, columns: [String]) {
    switch format {
    case .table: break
    case .json: data(JSONValue.text(of: records) + "\n")
    case .jsonLines:
      var text = ""
      for record in records { text += object(record).text(indented: false) + "\n" }
      data(text)
    case .csv:
      var text = CSV.line(columns)
      for record in records { text += CSV.line(record.map(\.value)) }
      data(text)
    }
  }

  /// Writes one result: an object, or one row.
  public static func write(_ record: Record, as format: OutputFormat) {
    switch format {
    case .table: break
    case .json: data(object(record).text(indented: true) + "\n")
    case .jsonLines: data(object(record).text(indented: false) + "\n")
    case .csv: data(CSV.line(record.map(\.name)) + CSV.line(record.map(\.value)))
    }
  }

  private static func object(_ record: Record) -> JSONValue {
    .object(Dictionary(record.map { ($0.name, $0.value) }) { $1 })
  }
}
