import Kernels

/// One of this machine's kernel tables, as an argument of a test.
public struct InstructionSet: Sendable, CustomStringConvertible {
  public let kernels: any KernelTable

  public static let all = Kernels.available.map { InstructionSet(kernels: $0) }

  public var description: String { kernels.name }
}
