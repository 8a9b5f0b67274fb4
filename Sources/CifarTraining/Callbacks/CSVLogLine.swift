/// A line of a `CSVLogger`'s file.
struct CSVLogLine: Equatable {
  /// From 0, as Keras counts.
  var epoch: Int
  /// In the order of the columns after the epoch.
  var values: [Double]

  init(epoch: Int, values: [Double]) {
    self.epoch = epoch
    self.values = values
  }

  /// - Returns: nil for a line of anything else.
  init?(_ text: String, separator: String, columns: Int) {
    let fields = text.split(separator: separator, omittingEmptySubsequences: false)
    guard fields.count == columns, let epoch = Int(fields[0]) else { return nil }
    let values = fields.dropFirst().compactMap { Double($0) }
    guard values.count == columns - 1 else { return nil }
    self.init(epoch: epoch, values: values)
  }

  func text(separator: String) -> String {
    ([String(epoch)] + values.map { $0.isNaN ? "nan" : "\($0)" }).joined(separator: separator)
  }

  /// Whether it says the same, also where a spreadsheet has rounded one of them.
  func isSame(_ other: CSVLogLine) -> Bool {
    epoch == other.epoch && values.count == other.values.count
      && zip(values, other.values).allSatisfy { first, second in
        first == second || first.isNaN && second.isNaN
          || abs(first - second) <= 1e-5 * max(abs(first), abs(second))
      }
  }
}
