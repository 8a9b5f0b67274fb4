import CifarCore

/// The error that `body` throws, nil if it throws none or another kind.
public func failure<Result>(_ body: () throws -> Result) -> CifarError? {
  do {
    _ = try body()
    return nil
  } catch { return error as? CifarError }
}
