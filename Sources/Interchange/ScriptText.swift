/// What the scripts of all frameworks have in common.
enum ScriptText {
  /// A name that is safe within a docstring.
  static func title(_ model: ExportedModel) -> String {
    "'" + String(model.name.filter { $0.isLetter || $0.isNumber || "-_.".contains($0) }) + "'"
  }

  /// A call as an entry of a list, in three lines where one would have more than 100 columns.
  static func call(_ function: String, _ arguments: String, indent: String) -> [String] {
    let line = "\(indent)\(function)(\(arguments)),"
    if line.count <= 100 { return [line] }
    return ["\(indent)\(function)(", "\(indent)    \(arguments),", "\(indent)),"]
  }

  static func constants(_ model: ExportedModel) -> [String] {
    ["# (byte/255 - mean) / std, for red, green and blue."]
      + ["MEAN = \(PythonText.list(model.normalization.mean))"]
      + ["STD = \(PythonText.list(model.normalization.std))"]
      + PythonText.wrapped("CLASSES = ", model.classNames.map(PythonText.string))
  }
}
