import CifarCore

/// What a model can be written as.
public enum ExportFormat: String, CaseIterable, Sendable {
  /// Everything that a training needs to continue: safetensors.
  case checkpoint
  /// Weights and statistics alone: safetensors.
  case weights
  case onnx
  /// A Python script that builds the model in PyTorch and loads the weights.
  case pytorch
  /// Likewise in Keras.
  case keras

  /// How the names of such files end, the usual one first; other endings promise nothing.
  public var endings: [String] {
    switch self {
    case .checkpoint, .weights: ["safetensors"]
    case .onnx: ["onnx"]
    case .pytorch, .keras: ["py"]
    }
  }

  public var isScript: Bool { self == .pytorch || self == .keras }

  /// The file that a script loads its weights from: its own name with the ending `.safetensors`.
  public static func weights(beside script: String) -> String {
    let ending = self.ending(of: script)
    return (ending.isEmpty ? script + "." : String(script.dropLast(ending.count))) + "safetensors"
  }

  /// What the content is, with its article.
  var content: String {
    switch self {
    case .checkpoint, .weights: "a safetensors file"
    case .onnx: "an ONNX model"
    case .pytorch, .keras: "a Python script"
    }
  }

  /// The only format that a file's name allows; nil where it allows several, or promises nothing.
  public static func only(for path: String) -> ExportFormat? {
    let ending = self.ending(of: path)
    let formats = allCases.filter { $0.endings.contains(ending) }
    return formats.count == 1 ? formats[0] : nil
  }

  /// Makes sure that a file's name does not promise another format.
  ///
  /// - Throws: `invalidArgument`, saying what to do.
  public func check(name path: String) throws {
    let ending = ExportFormat.ending(of: path)
    guard !endings.contains(ending), let promise = ExportFormat.promises[ending] else { return }
    throw CifarError(
      .invalidArgument,
      "'\(path.excerpt)' is named like \(promise.content), and \(content) would be written: "
        + "let the name end in .\(endings[0])" + promise.remedy)
  }

  private static func ending(of path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }

  /// By the ending of a name, what people expect in the file, and what else there is to do.
  private static let promises: [String: (content: String, remedy: String)] = {
    let keras = (
      content: "a Keras file",
      remedy: "; in Python, model.save writes names that end in .keras or .weights.h5, where "
        + "Keras is installed"
    )
    let torch = (
      content: "a file of torch.save",
      remedy: "; PyTorch takes weights alone from there by safetensors.torch.load_file"
    )
    var promises = [
      "onnx": (content: "an ONNX model", remedy: ", or ask for the format onnx"),
      "py": (content: "a Python script", remedy: ", or ask for the format pytorch or keras"),
      "safetensors": (
        content: "a safetensors file", remedy: ", or ask for the format weights or checkpoint"
      ),
    ]
    for ending in ["h5", "hdf5", "keras"] { promises[ending] = keras }
    for ending in ["pt", "pth", "ckpt", "bin", "pkl"] { promises[ending] = torch }
    for (ending, content) in [
      ("npz", "a NumPy archive"), ("npy", "a NumPy array"), ("json", "a JSON file"),
      ("tflite", "a TensorFlow Lite model"), ("pb", "a TensorFlow model"),
      ("mlmodel", "a Core ML model"), ("zip", "a zip file"), ("gz", "a gzip file"),
      ("bz2", "a bzip2 file"), ("xz", "an xz file"), ("zst", "a Zstandard file"),
      ("tar", "a tar archive"), ("csv", "a CSV file"), ("gguf", "a GGUF model"),
      ("tf", "a TensorFlow model"), ("pbtxt", "a TensorFlow graph"), ("mat", "a MATLAB file"),
      ("txt", "a text"), ("db", "a registry"), ("sqlite", "a SQLite database"),
    ] {
      promises[ending] = (content, "")
    }
    return promises
  }()
}
