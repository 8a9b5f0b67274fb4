import CifarCore
import Glibc

extension Option {
  public static let force = Option(
    "--force", help: "replace an existing file whatever it holds, unless it is a registry")
}

extension Arguments {
  /// Writes what a command makes to the file that a person named; `-` is standard output.
  ///
  /// - Parameter kind: existing files of another kind are replaced with `--force` only.
  public func write(
    to path: String, as kind: FileKind, _ body: (FileWriter) throws -> Void
  ) throws {
    if path == "-" { return try FileWriter.writeToStandardOutput(body) }
    try FileWriter.write(to: path, as: kind, force: has("--force"), body)
  }
}
