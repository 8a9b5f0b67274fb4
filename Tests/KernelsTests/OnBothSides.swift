import TestSupport
import Testing

/// Runs every test twice: with guarded buffers that begin at a guard page, and that end at one.
struct OnBothSides: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    for side in GuardedSide.allCases {
      try await GuardedSide.$current.withValue(side) { try await function() }
    }
  }
}

extension Trait where Self == OnBothSides {
  static var onBothSides: OnBothSides { OnBothSides() }
}
