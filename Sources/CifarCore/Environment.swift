/// What environment variables choose for the whole process. Each is read once, when kernels or a model
/// first need it: what a program sets later has no effect.
public enum Environment {
  /// `CIFAR_ISA`; nil where it is not set.
  public static let instructionSet = Result {
    try EnvironmentVariable.instructionSet.choice(InstructionSetChoice.self)
  }

  /// `CIFAR_CONV`.
  public static let convolution = Result {
    try EnvironmentVariable.convolution.choice(ConvolutionChoice.self) ?? .auto
  }
}

/// The words of `CIFAR_ISA`.
public enum InstructionSetChoice: String, EnvironmentChoice {
  case baseline, avx2, avx512, avx512vnni
}

/// The words of `CIFAR_CONV`: which algorithm convolutions use.
public enum ConvolutionChoice: String, EnvironmentChoice {
  case direct, winograd, auto
}

/// A value that an environment variable names by a word.
public protocol EnvironmentChoice: RawRepresentable<String>, CaseIterable, Sendable {}

extension EnvironmentChoice {
  /// `a, b or c`.
  static var words: String { Self.allCases.map(\.rawValue).alternatives }
}

extension EnvironmentVariable {
  /// - Throws: `invalidArgument` for a word that is none of `Choice`'s.
  func choice<Choice: EnvironmentChoice>(_: Choice.Type) throws -> Choice? {
    guard let text = try text() else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw CifarError(
        .invalidArgument,
        "\(name) is '\(text.excerpt)'; use \(Choice.words), and start the process again")
    }
    return choice
  }
}

extension [String] {
  /// `a, b or c`.
  public var alternatives: String {
    count < 2 ? joined() : dropLast().joined(separator: ", ") + " or " + self[count - 1]
  }
}
