import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarData

/// Each test is a process of its own: the environment and the working directory belong to all
/// threads of one.
@Suite struct DatasetSearchTests {
  @Test func theUsualPlacesComeInOrder() async {
    await #expect(processExitsWith: .success) {
      let home = try Surroundings()
      unsetenv("CIFAR10_DIR")
      // From the last place to the first: each is preferred to those before.
      for place in [".keras/datasets", ".cache/cifar10", "work/data", "elsewhere"] {
        if place == "elsewhere" { setenv("CIFAR10_DIR", home.directory.file(place), 1) }
        let directory = try home.directory.directory("\(place)/cifar-10-batches-bin")
        try writeBlackBatch("\(directory)/test_batch.bin")
        let found = try Dataset.open(nil, split: .test, limit: 1).location
        // From the root on, wherever it was found from.
        #expect(found == directory)
      }
    }
  }

  @Test func theUsualPlacesAreNamedWhenAllAreEmpty() async {
    await #expect(processExitsWith: .success) {
      let home = try Surroundings()
      unsetenv("CIFAR10_DIR")
      let error = failure { try Dataset.open(nil, split: .train) }
      #expect(error?.code == .notFound)
      let path = home.directory.path
      for part in [
        "no CIFAR-10 in data, \(path)/.cache/cifar10, \(path)/.keras/datasets",
        "cifar data download", "shapes",
      ] { #expect(error?.message.contains(part) == true, "\(part)") }
    }
  }

  @Test func aVariableThatNamesNothingIsAnError() async {
    await #expect(processExitsWith: .success) {
      let home = try Surroundings()
      let usual = try home.directory.directory("work/data/cifar-10-batches-bin")
      try writeBlackBatch("\(usual)/test_batch.bin")
      for location in [nil, "cifar100"] {
        let error = failure { try Dataset.open(location, split: .test) }
        #expect(error?.code == .notFound)
        #expect(
          error?.message.contains("$CIFAR10_DIR is '\(home.directory.path)/elsewhere'") == true)
      }
    }
  }

  @Test func anEmptyVariableIsNoPlace() async {
    await #expect(processExitsWith: .success) {
      _ = try Surroundings()
      setenv("CIFAR10_DIR", "", 1)
      let places = try Dataset.usualPlaces()
      #expect(places.first == "data")
      setenv("HOME", "", 1)
      let homeless = try Dataset.usualPlaces()
      #expect(homeless == ["data"])
    }
  }

  @Test func aNamedPlaceIsTheOnlyOne() async {
    await #expect(processExitsWith: .success) {
      let home = try Surroundings()
      let usual = try home.directory.directory("work/data")
      try writeBlackBatch("\(usual)/test_batch.bin")
      let named = try home.directory.directory("named")
      let error = failure { try Dataset.open(named, split: .test) }
      #expect(error?.code == .notFound)
      #expect(error?.message.contains(named) == true)
    }
  }

  @Test(arguments: [
    ("", "cifar-10-batches-bin", true), ("cifar-10-batches-bin", "", true),
    ("", "cifar-10-batches-py", false), ("", "", true),
    ("", "cifar-10-batches-py-target/cifar-10-batches-py", false),
  ])
  func aPlaceMayBeTheDirectoryOrHoldIt(named: String, inside: String, isBinary: Bool) throws {
    let directory = try TemporaryDirectory()
    let place = try directory.directory(named)
    let holder = try directory.directory("\(named)/\(inside)")
    if isBinary {
      try writeBlackBatch("\(holder)/test_batch.bin")
    } else {
      let content = BatchContent(
        pixels: [UInt8](repeating: 0, count: 10_000 * 3072),
        labels: [Int](repeating: 0, count: 10_000))
      try write(content.python, to: "\(holder)/test_batch")
    }
    #expect(try Dataset.open(place, split: .test, limit: 2).count == 2)
  }

  @Test func theBinaryLayoutIsPreferred() throws {
    let directory = try TemporaryDirectory()
    let python = try directory.directory("cifar-10-batches-py")
    try write([0x80], to: "\(python)/test_batch")
    let binary = try directory.directory("cifar-10-batches-bin")
    try writeBlackBatch("\(binary)/test_batch.bin")
    #expect(try Dataset.open(directory.path, split: .test, limit: 1).location == binary)
  }
}

/// A home and a working directory with nothing in them.
private struct Surroundings {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    setenv("HOME", directory.path, 1)
    setenv("CIFAR10_DIR", directory.file("elsewhere"), 1)
    try #require(chdir(try directory.directory("work")) == 0)
  }
}
