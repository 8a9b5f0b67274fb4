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
    Option("--csv", help: "comma-separated values with a title line"),
  ]
}

/// A result with names for its values, in the order in which they are shown.
public typealias Record = [(name: String, value: JSONValue)]

extension Arguments {
  /// - Throws: `UsageError` when several are asked for.
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
    case .json: line(JSONValue.text(of: records))
    case .jsonLines:
      var text = ""
      for record in records { text += object(record).text(indented: false) + "\n" }
      write(text)
    case .csv:
      var text = CSV.line(columns)
      for record in records { text += CSV.line(record.map { field($0.value) }) }
      write(text)
    }
  }

  /// Writes one result: an object, or one row.
  public static func write(_ record: Record, as format: OutputFormat) {
    switch format {
    case .table: break
    case .json: line(object(record).text(indented: true))
    case .jsonLines: line(object(record).text(indented: false))
    case .csv:
      write(CSV.line(record.map(\.name)) + CSV.line(record.map { field($0.value) }))
    }
  }

  private static func object(_ record: Record) -> JSONValue {
    .object(Dictionary(record.map { ($0.name, $0.value) }) { $1 })
  }

  private static func field(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .string(let text): text
    case .number(let number) where !number.isFinite:
      number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
    default: value.text(indented: false)
    }
  }
}
