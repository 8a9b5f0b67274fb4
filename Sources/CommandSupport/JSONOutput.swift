import CifarCore
import FoundationEssentials

/// JSON for other programs.
public enum JSONOutput {
  /// The value as indented JSON with sorted keys, so that equal values give equal text.
  ///
  /// JSON has no NaN and no infinity: they become the strings "NaN", "Infinity" and "-Infinity",
  /// which Python's `float` and JavaScript's `Number` read back.
  public static func text(_ value: some Encodable) throws -> String {
    try text(value, formatting: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  }

  private static func text(
    _ value: some Encodable, formatting: JSONEncoder.OutputFormatting
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw CifarError(.internal, "the result cannot be written as JSON: \(error)")
    }
  }

  /// Likewise on one line.
  public static func line(_ value: some Encodable) throws -> String {
    try text(value, formatting: [.sortedKeys, .withoutEscapingSlashes])
  }

  /// Writes the value to stdout.
  public static func write(_ value: some Encodable) throws {
    // The encoder leaves some control characters as they are; they stand within strings only.
    let text = try text(value)
    let needsNone = text.unicodeScalars.allSatisfy { $0 == "\n" || !String.needsEscape($0) }
    Output.data((needsNone ? text : try JSONValue(text: text).text(indented: true)) + "\n")
  }
}
