/// The value of a field of a run.
public enum FieldValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
}
