import CifarCore
import Testing

@testable import CifarData

@Suite struct ShapesTests {
  @Test func thereAreTenBalancedClasses() throws {
    let train = try Dataset.open("shapes", split: .train, limit: 100)
    #expect(train.name == "shapes")
    #expect(train.location == "shapes")
    #expect(train.classNames.count == 10)
    #expect(Set(train.classNames).count == 10)
    // Any ten images in a row, so any prefix.
    for start in stride(from: 0, to: 100, by: 10) {
      #expect(Set(train.allLabels[start..<(start + 10)]) == Set(0..<10))
    }
    #expect(Shapes.count(.train) == 20_000)
    #expect(Shapes.count(.test) == 4_000)
  }

  @Test func anImageDependsOnSplitAndPlaceAlone() throws {
    let few = try Dataset.open("shapes", split: .train, limit: 7)
    let test = try Dataset.open("shapes", split: .test, limit: 60)
    let many = try Dataset.open("shapes", split: .train, limit: 60)
    let again = try Dataset.open("shapes", split: .test, limit: 60)
    #expect(test.hasSameImages(as: again))
    for index in 0..<7 { #expect(few.image(index) == many.image(index)) }
    for index in 0..<60 { #expect(test.image(index) != many.image(index)) }
    var different: Set<[UInt8]> = []
    for index in 0..<60 { different.insert(many.image(index)) }
    #expect(different.count == 60)
  }

  /// A run is resumed on other machines and by later versions: the images must stay what they are.
  @Test func theImagesStayWhatTheyAre() throws {
    let train = try Dataset.open("shapes", split: .train, limit: 40)
    let test = try Dataset.open("shapes", split: .test, limit: 40)
    #expect(
      train.contentHash
        == "b2f04d84af9bf03d9f828ce8c367968e4e7ff03200ac624d054adf2e28c51468")
    #expect(
      test.contentHash
        == "611ec7c35a48a9545cabf943c2b6739c49d8847d5214d75ff9d72a662c71f249")
  }

  /// No class is brighter than another.
  @Test func brightnessTellsNothing() throws {
    let train = try Dataset.open("shapes", split: .train, limit: 200)
    var means = [Double](repeating: 0, count: 10)
    for index in 0..<200 {
      let sum = train.image(index).reduce(0) { $0 + Int($1) }
      means[Int(train.labels[index])] += Double(sum) / Double(ImageShape.cifar.count) / 20
    }
    let mean = means.reduce(0, +) / 10
    for value in means { #expect(abs(value - mean) < 25) }
  }
}
