import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

extension RunDetail {
  /// The run as the script of its page reads it: the record with what is shown as text in its place.
  ///
  /// - Parameter registry: that the run is from.
  func page(from registry: Registry) throws -> JSONValue {
    var record = try self.record
    record.removeAll { ["model", "hyperparameters", "sessions"].contains($0.name) }
    let lines = HyperparameterLines.lines(of: try JSONValue(stored: hyperparameters))
    let sessions = try self.sessions.map { session in
      let changes = try registry.changes(of: session)
      let text = SessionFacts.uncommitted(session, changes: changes)
      return JSONValue.members(session.record + [("uncommitted", .optional(text))])
    }
    record += [
      ("hyperparameters", .array(lines.map { .array([.string($0.name), .string($0.value)]) })),
      ("label", .string(summary.label)),
      ("duration", .string(Format.duration(summary.durationSeconds))),
      ("sessions", .array(sessions)), ("group_runs", try summary.groupSize(in: registry)),
      ("misclassified", RunDetail.images(evaluation?.misclassified ?? [])),
      ("samples", RunDetail.images(evaluation?.samples ?? [])),
    ]
    return .members(record)
  }

  private static func images(_ predictions: [ClassEvaluation.Prediction]) -> JSONValue {
    .array(
      predictions.map { image in
        .members([
          ("image", .integer(Int64(image.image))), ("actual", .integer(Int64(image.actual))),
          ("predicted", .integer(Int64(image.predicted))),
          ("probability", .number(image.probability)),
          ("pixels", .string(Base64.text(image.pixels))),
        ])
      })
  }
}

extension RunSummary {
  /// How many runs there are in the run's group; null without one.
  func groupSize(in registry: Registry) throws -> JSONValue {
    guard let group else { return .null }
    let members = RunQuery(filter: "group = \(RunQuery.quoted(group))")
    return .integer(Int64(try registry.ids(members) { _ in }.count))
  }
}

enum Base64 {
  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func text(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
      for place in 0..<4 {
        result.append(
          place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
