import CifarCore
import FoundationEssentials

/// JSON whose numbers come back to the bit, NaN and infinities included.
public enum StateCoding {
  public static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return try LargeStack.run { String(decoding: try encoder.encode(value), as: UTF8.self) }
  }

  /// - Parameter what: what errors call the text.
  /// - Throws: `badData` with the place of the fault.
  public static func decode<Value: Decodable>(
    _ type: Value.Type, from text: String, what: String
  ) throws -> Value {
    guard JSONDepth.isAcceptable(text.utf8) else {
      throw CifarError(
        .badData, "\(what) can't be read: it is nested more than \(JSONDepth.most) deep")
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    do {
      // Every value is an object of its own for a while.
      return try MemoryNeed.secured(64 * text.utf8.count + (1 << 14), for: what) {
        try LargeStack.run { try decoder.decode(type, from: Data(text.utf8)) }
      }
    } catch let error as DecodingError {
      throw CifarError(.badData, "\(what) can't be read: \(reason(error))")
    }
  }

  private static func reason(_ error: DecodingError) -> String {
    let (context, problem): (DecodingError.Context, String) =
      switch error {
      case .typeMismatch(_, let context): (context, "has the wrong type")
      case .valueNotFound(_, let context): (context, "is missing")
      case .keyNotFound(let key, let context): (context, "has no '\(key.stringValue.excerpt)'")
      case .dataCorrupted(let context): (context, context.debugDescription)
      @unknown default: (.init(codingPath: [], debugDescription: ""), "is unreadable")
      }
    let path = context.codingPath.map { $0.intValue.map { "\($0)" } ?? $0.stringValue.excerpt }
      .joined(separator: ".")
    return path.isEmpty ? problem : "\(path.excerpt) \(problem)"
  }
}
