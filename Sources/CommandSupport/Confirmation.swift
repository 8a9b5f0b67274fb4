import Glibc

/// Asks a person before something is done that cannot be undone easily.
public enum Confirmation {
  /// - Throws: `UsageError` where nobody can be asked.
  public static func ask(_ question: String) throws -> Bool {
    guard isatty(STDIN_FILENO) == 1 else {
      throw UsageError("nobody can be asked here; add --yes to go ahead, --dry-run to look")
    }
    Output.message("\(question) [y/N] ")
    let answer = readLine()?.lowercased() ?? ""
    return answer == "y" || answer == "yes"
  }
}
