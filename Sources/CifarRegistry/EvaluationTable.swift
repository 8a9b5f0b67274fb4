import CifarCore

/// The tables `evaluations` and `predictions`: the best weights class by class.
enum EvaluationTable {
  /// Samples are numbered from here on, so that they never mix with the worst.
  private static let firstSample = 1000

  static func write(
    _ evaluation: ClassEvaluation, run: Int64, in connection: Connection
  ) throws {
    try connection.run("DELETE FROM evaluations WHERE run = ?", [.integer(run)])
    let rows = evaluation.confusion.map { row in
      "[" + row.map { "\($0)" }.joined(separator: ",") + "]"
    }
    try connection.run(
      """
      INSERT INTO evaluations (run, created, epoch, class_names, confusion)
      VALUES (?, ?, ?, (SELECT json_group_array(value) FROM json_each(?)), ?)
      """,
      [
        .integer(run), .time(.now), .integer(evaluation.epoch),
        .text(array(of: evaluation.classNames)), .text("[" + rows.joined(separator: ",") + "]"),
      ])
    let images =
      Array(evaluation.predictions.enumerated())
      + evaluation.samples.enumerated().map {
        (offset: firstSample + $0.offset, element: $0.element)
      }
    for (number, image) in images {
      try image.pixels.withUnsafeBytes { pixels in
        _ = try connection.run(
          """
          INSERT INTO predictions (run, number, image, actual, predicted, probability, pixels)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """,
          [
            .integer(run), .integer(number), .integer(image.image), .integer(image.actual),
            .integer(image.predicted), .real(image.probability), .blob(pixels),
          ])
      }
    }
  }

  static func read(of run: Int64, in connection: Connection) throws -> ClassEvaluation? {
    let epoch = try connection.integer(
      "SELECT epoch FROM evaluations WHERE run = ?", [.integer(run)])
    guard let epoch else { return nil }
    let names = try connection.rows(
      "SELECT value FROM evaluations, json_each(class_names) WHERE run = ? ORDER BY key",
      [.integer(run)]
    ) { $0.text(0) }
    let cells = try connection.rows(
      """
      SELECT cell.value FROM evaluations, json_each(confusion) AS line,
        json_each(line.value) AS cell
      WHERE run = ? ORDER BY line.key, cell.key
      """, [.integer(run)]
    ) { $0.int(0) }
    guard cells.count == names.count * names.count else {
      throw CifarError(
        .badData, "\(connection.path) holds a confusion matrix that is not square")
    }
    let predictions = try connection.rows(
      """
      SELECT image, actual, predicted, probability, pixels, number FROM predictions
      WHERE run = ? ORDER BY number
      """, [.integer(run)]
    ) {
      (
        $0.int(5),
        ClassEvaluation.Prediction(
          image: $0.int(0), actual: $0.int(1), predicted: $0.int(2), probability: $0.real(3) ?? 0,
          pixels: Array($0.blob(4)))
      )
    }
    return ClassEvaluation(
      epoch: Int(epoch), classNames: names,
      confusion: names.indices.map { line in
        Array(cells[line * names.count..<(line + 1) * names.count])
      }, predictions: predictions.filter { $0.0 < firstSample }.map(\.1),
      samples: predictions.filter { $0.0 >= firstSample }.map(\.1))
  }

  /// A JSON array of strings.
  private static func array(of texts: [String]) -> String {
    let quoted = texts.map { text in
      var result = "\""
      for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case _ where scalar.value < 0x20:
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
      }
      return result + "\""
    }
    return "[" + quoted.joined(separator: ",") + "]"
  }
}
