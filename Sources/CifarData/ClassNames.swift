import CifarCore

/// Examines class names: of one list, and of images that are to go together.
public enum ClassNames {
  /// Makes sure that no two classes share a name: scores are told apart by it.
  ///
  /// Byte by byte, as file systems and Python compare, for which "é" in one character is not "é" in
  /// two.
  ///
  /// - Parameter list: what the caller calls the list, for the error.
  /// - Throws: `invalidArgument`, naming the first name that comes again, and both places.
  public static func requireDistinct(_ names: [String], _ list: String) throws {
    var places: [[UInt8]: Int] = [:]
    for (index, name) in names.enumerated() {
      guard let first = places.updateValue(index, forKey: Array(name.utf8)) else { continue }
      throw CifarError(
        .invalidArgument,
        "\(list)[\(first)] and \(list)[\(index)] are both '\(name.excerpt)'; each class needs a "
          + "name of its own")
    }
  }

  /// Whether these are "0", "1", …: the names of classes that nobody named, which say no more than
  /// where a class stands.
  public static func areNumbers(_ names: [String]) -> Bool {
    names.enumerated().allSatisfy { String($0) == $1 }
  }

  /// Makes sure that both lists mean the same classes in the same order.
  ///
  /// Numbers agree with any names, unless some of these are such numbers in another place.
  ///
  /// - Parameters:
  ///   - owner: whose `names` are, for the error.
  ///   - other: whose `others` are.
  /// - Returns: the names, where only one list has any: those.
  /// - Throws: `shapeMismatch`, naming the first class that differs.
  public static func agreed(
    _ names: [String], of owner: String, _ others: [String], of other: String
  ) throws -> [String] {
    if names == others { return names }
    guard names.count == others.count else {
      throw CifarError(
        .shapeMismatch, "\(names.count) classes of \(owner), but \(others.count) of \(other)")
    }
    if areNumbers(names), Set(names).isDisjoint(with: others) { return others }
    if areNumbers(others), Set(others).isDisjoint(with: names) { return names }
    let place = zip(names, others).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
    let isSameSet = names.sorted() == others.sorted()
    throw CifarError(
      .shapeMismatch,
      "class \(place) is '\(names[place].prefix(60))' in \(owner), but "
        + "'\(others[place].prefix(60))' in \(other)"
        + (isSameSet ? ": the same classes in another order" : "")
        + "; a label must mean the same class in both")
  }
}
