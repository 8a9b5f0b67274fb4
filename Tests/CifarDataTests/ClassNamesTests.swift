import CifarCore
import TestSupport
import Testing

@testable import CifarData

@Suite struct ClassNamesTests {
  private func agreed(_ names: [String], _ others: [String]) throws -> [String] {
    try ClassNames.agreed(names, of: "the model", others, of: "the data set")
  }

  @Test func numbersGoWithAnyNames() throws {
    let names = ["cat", "dog", "bird"]
    #expect(try agreed(names, names) == names)
    #expect(try agreed(names, ["0", "1", "2"]) == names)
    #expect(try agreed(["0", "1", "2"], names) == names)
    #expect(try agreed(["0", "1"], ["0", "1"]) == ["0", "1"])
  }

  @Test(arguments: [
    (["cat", "dog", "bird"], ["cat", "bird", "dog"], "class 1 is 'dog'", true),
    (["cat", "dog", "bird"], ["cat", "dog", "birds"], "class 2 is 'bird'", false),
    (["0", "1", "2"], ["2", "1", "0"], "class 0 is '0'", true),
    (["2", "1", "0"], ["0", "1", "2"], "class 0 is '2'", true),
    // A folder with another name among numbers.
    (["0", "1", "2"], ["0", "1", "two"], "class 2 is '2'", false),
  ])
  func theFirstDifferenceIsNamed(
    names: [String], others: [String], words: String, isSameSet: Bool
  ) {
    let error = failure { try agreed(names, others) }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message.hasPrefix("\(words) in the model, but ") == true)
    #expect(error?.message.contains("in another order") == isSameSet)
  }

  @Test func anotherNumberOfClassesIsRefused() {
    let error = failure { try agreed(["0", "1"], ["0", "1", "2"]) }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message.contains("2 classes of the model, but 3 of the data set") == true)
  }
}
