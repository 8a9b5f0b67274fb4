import CCifar

/// What a model is written as.
public enum ExportFormat: Sendable {
  /// Weights and statistics alone, in a safetensors file: what PyTorch's `load_state_dict` takes.
  case weights
  /// Everything that a training needs to continue, in a safetensors file.
  case checkpoint
  /// An ONNX model, from bytes to probabilities.
  case onnx
  /// A Python script that builds the model in PyTorch and loads its weights.
  case pytorch
  /// Likewise in Keras 3.
  case keras

  var c: cifar_format {
    switch self {
    case .weights: CIFAR_FORMAT_WEIGHTS
    case .checkpoint: CIFAR_FORMAT_CHECKPOINT
    case .onnx: CIFAR_FORMAT_ONNX
    case .pytorch: CIFAR_FORMAT_PYTORCH
    case .keras: CIFAR_FORMAT_KERAS
    }
  }
}

/// How a model is written.
public struct ExportOptions: Sendable {
  /// Of ``ExportFormat/weights``: "sequential" or "tutorial"; nil for the tutorial's names of a model
  /// that is built like it, else "sequential".
  public var names: String?
  /// Of ``ExportFormat/onnx``: whether batch norm stays a node of its own.
  public var keepsBatchNorm = false

  /// The defaults.
  public init() {}

  func c(_ strings: CStrings) throws -> cifar_export_options {
    var options = try filled(cifar_export_options()) { cifar_export_options_init($0, $1) }
    options.names = try strings(names)
    options.keep_batch_norm = keepsBatchNorm ? 1 : 0
    return options
  }
}

/// Which model weights belong to. Where all is nil, a file of this library decides, which knows it.
public struct ImportOptions: Sendable {
  /// A preset's name, or the JSON of a model; else "tutorial".
  public var model: String?
  /// Whose batch norm, padding and normalization of images the model has: "pytorch", "keras" or
  /// "keras-tuned"; else "pytorch".
  public var recipe: String?
  /// A JSON object put over the recipe, such as `{"normalization": …}`.
  public var hyperparameters: String?
  /// A name for each class; else "0", "1", ….
  public var classNames: [String]?

  /// The defaults.
  public init() {}

  func c(_ strings: CStrings) throws -> cifar_import_options {
    var options = try filled(cifar_import_options()) { cifar_import_options_init($0, $1) }
    options.model = try strings(model)
    options.recipe = try strings(recipe)
    options.hyperparameters = try strings(hyperparameters)
    options.class_names = try strings(classNames?.joined(separator: "\n"))
    return options
  }
}

extension Model {
  /// Makes a model of weights that any program wrote into a safetensors file.
  ///
  /// - Throws: ``CifarError``: `notFound`, `io`, `badData`; `shapeMismatch`, naming the tensor;
  ///   `notFinite`, `unsupported`, `invalidArgument`.
  public convenience init(weights path: String, _ options: ImportOptions = ImportOptions()) throws {
    let pointer = try CStrings.during { strings in
      var options = try options.c(strings)
      let path = try strings(path)
      return try made { cifar_model_import(path, &options, $0) }
    }
    try self.init(owning: pointer)
  }

  /// The same of a file's bytes.
  public convenience init(
    weights bytes: [UInt8], _ options: ImportOptions = ImportOptions()
  ) throws {
    let pointer = try CStrings.during { strings in
      var options = try options.c(strings)
      return try made { cifar_model_decode(bytes, bytes.count, &options, $0) }
    }
    try self.init(owning: pointer)
  }

  /// Writes the model to a file, whole or not at all; a script's weights beside it.
  ///
  /// - Throws: ``CifarError``: `invalidArgument` for a name that promises another format, or an
  ///   existing file of another kind; `unsupported` for names that do not fit; `io`, `diskFull`.
  public func export(
    _ format: ExportFormat, to path: String, _ options: ExportOptions = ExportOptions()
  ) throws {
    try CStrings.during { strings in
      var options = try options.c(strings)
      try check(cifar_model_export(pointer, format.c, strings(path), &options))
    }
  }

  /// The bytes that ``export(_:to:_:)`` writes.
  public func encoded(
    as format: ExportFormat, _ options: ExportOptions = ExportOptions()
  ) throws -> [UInt8] {
    try CStrings.during { strings in
      var options = try options.c(strings)
      var bytes: UnsafeRawPointer?
      var size = 0
      try check(cifar_model_encode(pointer, format.c, &options, &bytes, &size))
      return Array(UnsafeRawBufferPointer(start: bytes, count: size))
    }
  }
}
