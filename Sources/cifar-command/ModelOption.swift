import Cifar
import CifarCore
import CifarNN
import CommandSupport

extension Option {
  static let model = Option(
    "--model", value: "NAME|FILE",
    help: "\(ModelSpec.presetNames.joined(separator: ", ")),\nor a JSON file with a list of layers "
      + "(else tutorial)", choices: ModelSpec.presetNames)
}

/// A model by what a person calls it: a preset's name or a JSON file.
enum ModelOption {
  /// - Returns: the name, or what is in the file.
  /// - Throws: `UsageError` for what is neither; `notFound`, `io`; `badData` or `shapeMismatch`,
  ///   naming the file and the layer.
  static func text(_ name: String) throws -> String {
    if ModelSpec.presetNames.contains(name) { return name }
    guard FileName.isFile(name) || FileName.looksLikeModel(name) else {
      throw UsageError(
        "--model '\(name)' is none of \(ModelSpec.presetNames.joined(separator: ", ")), and no file"
      )
    }
    return try json(of: name)
  }

  /// What is in a JSON file with a list of layers.
  static func json(of file: String) throws -> String {
    var bytes = try File.contents(of: file, allowsPipe: true)[...]
    // Editors of other systems begin a file with U+FEFF.
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes = bytes.dropFirst(3) }
    let text = String(decoding: bytes, as: UTF8.self)
    do {
      _ = try ModelBuilder(ModelSpec(json: text))
    } catch let error as CifarError {
      // The file is wrong, not the command line.
      throw CifarError(
        error.code == .invalidArgument ? .badData : error.code, "'\(file)': \(error.message)")
    }
    return text
  }
}

/// What a person wrote, where it may be the name of a file, a model or a run.
extension FileName {
  /// Whether it is written like a JSON file.
  static func looksLikeModel(_ name: String) -> Bool {
    name.contains("/") || name.hasSuffix(".json")
  }
}
