import CifarCore

/// The tables `evaluations` and `predictions`: the best weights class by class.
enum EvaluationTable {
  /// Why an image is kept.
  private enum Kind: String {
    case misclassified
    case sample
  }

  static func write(
    _ evaluation: ClassEvaluation, run: Int64, in connection: Connection
  ) throws {
    try connection.run("DELETE FROM evaluations WHERE run = ?", [.integer(run)])
    let rows = evaluation.confusion.map { row in
      "[" + row.map { "\($0)" }.joined(separator: ",") + "]"
    }
    try connection.run(
      """
      INSERT INTO evaluations
        (run, created, epoch, class_names, confusion, channels, height, width)
      VALUES (?, ?, ?, (SELECT json_group_array(value) FROM json_each(?)), ?, ?, ?, ?)
      """,
      [
        .integer(run), .time(.now), .integer(evaluation.epoch),
        .text(array(of: evaluation.classNames)), .text("[" + rows.joined(separator: ",") + "]"),
        .integer(evaluation.shape.channels), .integer(evaluation.shape.height),
        .integer(evaluation.shape.width),
      ])
    try write(evaluation.misclassified, .misclassified, run: run, in: connection)
    try write(evaluation.samples, .sample, run: run, in: connection)
  }

  private static func write(
    _ predictions: [ClassEvaluation.Prediction], _ kind: Kind, run: Int64,
    in connection: Connection
  ) throws {
    for (number, image) in predictions.enumerated() {
      try image.pixels.withUnsafeBytes { pixels in
        _ = try connection.run(
          """
          INSERT INTO predictions (run, kind, number, image, actual, predicted, probability, pixels)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          """,
          [
            .integer(run), .text(kind.rawValue), .integer(number), .integer(image.image),
            .integer(image.actual), .integer(image.predicted), .real(image.probability),
            .blob(pixels),
          ])
      }
    }
  }

  static func read(of run: Int64, in connection: Connection) throws -> ClassEvaluation? {
    let head = try connection.first(
      """
      SELECT run, epoch, created, class_names, confusion, channels, height, width, \(isList("class_names")) AS has_names,
        \(isList("confusion")) AS has_confusion FROM evaluations WHERE run = ?
      """, [.integer(run)], of: .evaluations
    ) { row in
      _ = try row.time("created")
      for (column, flag) in [("class_names", "has_names"), ("confusion", "has_confusion")] {
        guard try row.flag(flag) else { throw row.illegal(column, nil, "a JSON array") }
      }
      return (row, epoch: try row.count("epoch", in: 0...Limits.epochs), shape: try shape(row))
    }
    guard let (row, epoch, shape) = head else { return nil }
    let names = try connection.rows(
      "SELECT run, value AS class_names FROM evaluations, json_each(class_names) WHERE run = ? "
        + "ORDER BY key", [.integer(run)], of: .evaluations
    ) { try $0.text("class_names") }
    guard names.count <= Limits.classes else {
      throw row.illegal("class_names", nil, "at most \(Limits.classes) names")
    }
    // More rows or columns than there are classes are not read; one too many is found.
    let cells = try connection.rows(
      """
      SELECT run, cell.value AS confusion FROM evaluations, json_each(confusion) AS line,
        json_each(CASE line.type WHEN 'array' THEN line.value ELSE '[]' END) AS cell
      WHERE run = ? ORDER BY line.key, cell.key LIMIT \(names.count * names.count + 1)
      """, [.integer(run)], of: .evaluations
    ) { try $0.count("confusion", in: 0...Int(UInt32.max)) }
    guard cells.count == names.count * names.count else {
      throw row.illegal("confusion", nil, "\(names.count) rows of \(names.count) numbers")
    }
    let predictions = try connection.rows(
      """
      SELECT run, kind, number, image, actual, predicted, probability, pixels FROM predictions
      WHERE run = ? ORDER BY kind, number
      """, [.integer(run)], of: .predictions
    ) { row in
      _ = try row.count("number")
      let kind = try row.text("kind", as: "misclassified or sample") { Kind(rawValue: $0) }
      return (kind: kind, image: try prediction(row, classes: names.count, shape))
    }
    return ClassEvaluation(
      epoch: epoch, classNames: names, shape: shape,
      confusion: names.indices.map { line in
        Array(cells[line * names.count..<(line + 1) * names.count])
      }, misclassified: predictions.filter { $0.kind == .misclassified }.map(\.image),
      samples: predictions.filter { $0.kind == .sample }.map(\.image))
  }

  /// What is wrong with the evaluations of all runs: the first thing of each.
  static func damage(in registry: Registry) throws -> [CifarError] {
    var runs: [Int64] = []
    try registry.walk(
      RowWalk(
        "SELECT run FROM evaluations", of: .evaluations, key: [(sql: "run", column: "run")])
    ) { runs.append(try $0.key("run")) }
    return try runs.compactMap { run in
      do {
        _ = try registry.reading { try read(of: run, in: $0) }
        return nil
      } catch let error as CifarError where error.code == .badData { return error }
    }
  }

  private static func isList(_ column: String) -> String {
    "CASE WHEN json_valid(\(column)) THEN json_type(\(column)) = 'array' ELSE 0 END"
  }

  private static func shape(_ row: Row) throws -> ImageShape {
    let channels = try row.count("channels", in: 1...3)
    guard channels != 2 else { throw row.illegal("channels", nil, "1 or 3") }
    return try ImageShape(
      channels: channels, height: row.count("height", in: ImageShape.sides),
      width: row.count("width", in: ImageShape.sides))
  }

  private static func prediction(
    _ row: Row, classes: Int, _ shape: ImageShape
  ) throws -> ClassEvaluation.Prediction {
    let labels = 0...max(0, classes - 1)
    guard let probability = try row.number("probability", in: 0...1) else {
      throw row.illegal("probability", nil, "a number from 0 to 1")
    }
    return ClassEvaluation.Prediction(
      image: try row.count("image"), actual: try row.count("actual", in: labels),
      predicted: try row.count("predicted", in: labels), probability: probability,
      pixels: try row.bytes("pixels", count: shape.count))
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
