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
    // Every value is an object of its own for a while.
    try MemoryNeed.secured(64 * text.utf8.count + (1 << 14), for: what) {
      let tree: JSONValue
      do {
        tree = try JSONValue(text: text)
      } catch let error as CifarError where error.code == .invalidArgument {
        throw CifarError(.badData, "\(what) can't be read: it \(error.message)")
      }
      return try decode(type, from: tree, what: what)
    }
  }

  /// - Parameter keys: gets to know the keys that are known.
  /// - Throws: `badData` with the place of the fault.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from tree: JSONValue, what: String, noting keys: KeyLog = KeyLog()
  ) throws -> Value {
    do {
      return try LargeStack.run {
        do {
          let value = try JSONValueDecoder(tree, noting: keys).value(type)
          keys.isComplete = true
          return value
        } catch let error as DecodingError {
          throw moreTelling(than: error, type, tree, keys)
        }
      }
    } catch let error as DecodingError {
      throw CifarError(.badData, "\(what) can't be read: \(reason(error))")
    }
  }

  /// A missing value may be there under a wrong name: then the error names that.
  private static func moreTelling<Value: Decodable>(
    than error: DecodingError, _ type: Value.Type, _ tree: JSONValue, _ keys: KeyLog
  ) -> DecodingError {
    guard case .keyNotFound = error else { return error }
    let all = KeyLog(fillsGaps: true)
    do {
      _ = try JSONValueDecoder(tree, noting: all).value(type)
      all.isComplete = true
      keys.take(all)
      return error
    } catch let other as DecodingError {
      if case .dataCorrupted(let context) = other, !all.isGap(context.codingPath) { return other }
      return error
    } catch {
      return .dataCorrupted(.init(codingPath: [], debugDescription: "\(error)"))
    }
  }

  private static func reason(_ error: DecodingError) -> String {
    let (context, problem): (DecodingError.Context, String) =
      switch error {
      case .typeMismatch(_, let context):
        (context, "has the wrong type: \(context.debugDescription)")
      case .valueNotFound(_, let context): (context, "is missing")
      case .keyNotFound(let key, let context): (context, "has no '\(key.stringValue.excerpt)'")
      case .dataCorrupted(let context): (context, context.debugDescription)
      @unknown default: (.init(codingPath: [], debugDescription: ""), "is unreadable")
      }
    let path = context.codingPath.name
    return path.isEmpty ? problem : "\(path.excerpt) \(problem)"
  }
}
