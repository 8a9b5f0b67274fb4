import CifarCore

/// A reader of foreign bytes, for a fuzzer to feed.
///
/// What a target promises: an answer or a `CifarError` of one line. A trap, a sanitizer's report, a
/// hang and a broken promise, which is thrown as `BrokenPromise`, are findings.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// A batch of the python version.
  case pickle
  /// A batch of the binary version, and whatever else lies where one should be.
  case records
  case safetensors
  /// A checkpoint: safetensors, hyperparameters, the trainer's state, the model.
  case checkpoint
  case modelJSON = "model-json"
  case overrides
  /// The filter language of runs, their sorting and columns.
  case filter
  /// The pages of a registry.
  case registry
  /// The cells of a registry, set by SQL.
  case cells
  /// CSV files that a training continues with, and lines of CSV.
  case csv
  /// Arguments of a command.
  case arguments

  /// - Throws: `BrokenPromise`; what the target needs and can't have, such as a temporary file.
  public func run(_ bytes: [UInt8]) throws {
    switch self {
    case .pickle: try DataTargets.pickle(bytes)
    case .records: try DataTargets.records(bytes)
    case .safetensors: try ModelTargets.safetensors(bytes)
    case .checkpoint: try ModelTargets.checkpoint(bytes)
    case .modelJSON: try ModelTargets.modelJSON(bytes)
    case .overrides: try ModelTargets.overrides(bytes)
    case .filter: try RegistryTargets.filter(bytes)
    case .registry: try RegistryTargets.pages(bytes)
    case .cells: try RegistryTargets.cells(bytes)
    case .csv: try TextTargets.csv(bytes)
    case .arguments: try TextTargets.arguments(bytes)
    }
  }
}

/// A target did what no reader may do.
public struct BrokenPromise: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// Gives what `body` returns, nil for an error of the kind that a caller can use.
func answer<Result>(_ body: () throws -> Result) throws -> Result? {
  do {
    return try body()
  } catch let error as CifarError {
    let isOneLine = !error.message.unicodeScalars.contains {
      $0.properties.generalCategory == .control
    }
    guard isOneLine, !error.message.isEmpty else {
      throw BrokenPromise("the message is not one line: \(error.message)")
    }
    guard error.code != .internal else { throw BrokenPromise("a defect: \(error.message)") }
    return nil
  }
}

func require(_ condition: Bool, _ promise: @autoclosure () -> String) throws {
  if !condition { throw BrokenPromise(promise()) }
}
