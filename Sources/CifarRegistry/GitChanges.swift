import CifarCore

/// What a working directory's repository has that its commit has not: with both, the program that was
/// run can be had again.
public struct GitChanges: Sendable, Equatable {
  /// Of the files that git knows, against the commit, as `git apply` takes it; in place of bytes that
  /// are no UTF-8 stands U+FFFD.
  public var patch: String
  /// Names of files that git neither knows nor ignores.
  public var untracked: [String]
  /// Whether there was more than is kept.
  public var isCut: Bool
  /// Why the changes, or those of a submodule, are not known; nil where they are.
  public var unknown: String?

  public var isEmpty: Bool { patch.isEmpty && untracked.isEmpty && unknown == nil }

  /// Bytes of a patch that are kept.
  public static let longestPatch = 1 << 20
  /// Names that are kept.
  public static let mostUntracked = 1000

  public init(
    patch: String = "", untracked: [String] = [], isCut: Bool = false, unknown: String? = nil
  ) {
    self.patch = patch
    self.untracked = untracked
    self.isCut = isCut
    self.unknown = unknown
  }
}

// MARK: As JSON

extension GitChanges {
  public var json: JSONValue {
    .object([
      "patch": .string(patch), "untracked": .array(untracked.map { .string($0) }),
      "truncated": .bool(isCut), "unknown": unknown.map { .string($0) } ?? .null,
    ])
  }

  /// nil for what is none.
  init?(_ json: JSONValue) {
    guard let patch = json["patch"]?.string, let names = json["untracked"]?.array,
      case .bool(let isCut)? = json["truncated"]
    else { return nil }
    let untracked = names.compactMap(\.string)
    guard untracked.count == names.count else { return nil }
    let unknown = json["unknown"] ?? .null
    guard unknown == .null || unknown.string != nil else { return nil }
    self.init(patch: patch, untracked: untracked, isCut: isCut, unknown: unknown.string)
  }
}
