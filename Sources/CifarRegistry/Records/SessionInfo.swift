import CifarCore

/// The program that trains: what a run or a resume writes down about itself.
public struct SessionInfo: Sendable, Equatable {
  public var libraryVersion: String
  /// The kernels' instruction set: the bits of a result depend on it.
  public var instructionSet: String
  public var threads: Int
  public var commandLine: String
  public var workingDirectory: String?
  /// The commit that is checked out there, if it is in a git repository.
  public var gitCommit: String?
  /// The machine (`Machine.facts`), and `packages`: versions by name. nil where nobody noted it.
  public var environment: [String: JSONValue]?
  /// What the repository had that its commit has not; to be written, see `Registry.gitChanges` for
  /// what is stored.
  public var gitChanges: GitChanges?

  public init(
    libraryVersion: String, instructionSet: String, threads: Int, commandLine: String = "",
    workingDirectory: String? = nil, gitCommit: String? = nil
  ) {
    self.workingDirectory = workingDirectory
    self.gitCommit = gitCommit
    self.libraryVersion = libraryVersion
    self.instructionSet = instructionSet
    self.threads = threads
    self.commandLine = commandLine
  }
}
