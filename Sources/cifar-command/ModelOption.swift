import Cifar
import CifarCore
import CifarNN
import CommandSupport
import Glibc

extension Option {
  static let model = Option(
    "--model", value: "NAME|FILE",
    help: "\(ModelSpec.presetNames.joined(separator: ", ")),\nor a JSON file with a list of layers "
      + "(else tutorial)", choices: ModelSpec.presetNames)
}

/// A model by what a person calls it: a preset's name or a JSON file.
enum ModelOption {
  /// - Returns: the name, or what is in the file.
  /// - Throws: `UsageError` for what is neither; `notFound`, `io`; `invalidArgument` or
  ///   `shapeMismatch`, naming the file and the layer.
  static func text(_ name: String) throws -> String {
    if ModelSpec.presetNames.contains(name) { return name }
    guard isFile(name) else {
      throw UsageError(
        "--model '\(name)' is none of \(ModelSpec.presetNames.joined(separator: ", ")), and no file"
      )
    }
    let text = String(decoding: try FileStore.read(name), as: UTF8.self)
    do {
      _ = try ModelBuilder(ModelSpec(json: text))
    } catch let error as CifarError {
      throw CifarError(error.code, "'\(name)': \(error.message)")
    }
    return text
  }

  /// Whether it is one, or is written as one.
  static func isFile(_ name: String) -> Bool {
    name.contains("/") || name.hasSuffix(".json") || access(name, F_OK) == 0
  }
}
