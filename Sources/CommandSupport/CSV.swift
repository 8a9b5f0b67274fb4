/// Comma-separated values as RFC 4180 has them, but with plain line ends.
public enum CSV {
  public static func line(_ fields: [String]) -> String {
    fields.map(quoted).joined(separator: ",") + "\n"
  }

  private static func quoted(_ field: String) -> String {
    let isPlain = !field.utf8.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 10 || byte == 13
    }
    if isPlain { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }
}
