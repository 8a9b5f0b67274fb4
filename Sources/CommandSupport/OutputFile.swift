import CifarCore
import Glibc

extension Option {
  public static let force = Option(
    "--force", help: "replace an existing file whatever it holds, unless it is a registry")
}

extension Arguments {
  /// Writes what a command makes to the file that a person named; `-` is standard output.
  ///
  /// Ctrl-C and the like leave neither a part of the file nor one under another name.
  ///
  /// - Parameter kind: existing files of another kind are replaced with `--force` only.
  /// - Throws: `invalidArgument` for a file that is not to be replaced; what `FileWriter` throws.
  public func write(
    to path: String, as kind: FileKind, _ body: (FileWriter) throws -> Void
  ) throws {
    if path == "-" { return try FileWriter.writeToStandardOutput(body) }
    guard !path.isEmpty else { throw UsageError("the file to write has no name") }
    try FileWriter.check(path, as: kind, force: has("--force"))
    // What goes to a device or a pipe leaves nothing to clear away.
    var status = stat()
    if stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG { Interruption.handle() }
    try FileWriter.write(
      to: path, as: kind, force: has("--force"), check: Interruption.check, body)
  }
}
