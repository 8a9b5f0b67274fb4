import CifarCore
import CifarNN

extension Hyperparameters {
  /// What `model` is called that no preset made.
  static let customModel = "custom"

  /// Takes another model than the recipe's.
  ///
  /// - Parameters:
  ///   - text: a preset's name, or the JSON of a spec.
  ///   - classes: of the images, for a preset.
  ///   - shape: of one of them, where a spec says nothing else.
  /// - Throws: `invalidArgument`, naming what is unknown or invalid.
  public mutating func choose(
    model text: String, classes: Int, shape: ImageShape = .cifar
  ) throws {
    if let start = text.first(where: { !$0.isWhitespace }), "{[".contains(start) {
      modelSpec = try ModelSpec(json: text, shape: shape).resolved(for: dialect)
      model = Hyperparameters.customModel
    } else {
      modelSpec = try .preset(text, dialect: dialect, classes: classes, shape: shape)
      model = text
    }
  }

  /// Completes a model that overrides give by its name alone or by its spec alone.
  func expandModel(_ overrides: inout JSONValue) throws {
    if let layers = overrides["model_spec"], layers.array != nil {
      overrides["model_spec"] = .object(["layers": layers])
    }
    if case .object(var spec)? = overrides["model_spec"], spec["input"] == nil {
      spec["input"] = .numbers(modelSpec.input)
      overrides["model_spec"] = .object(spec)
    }
    if overrides["model_spec"] != nil {
      if overrides["model"] == nil { overrides["model"] = .string(Hyperparameters.customModel) }
    } else if let name = overrides["model"]?.string,
      name != Hyperparameters.customModel || model != name
    {
      let dialect = overrides["dialect"]?.string.flatMap(Dialect.init(rawValue:)) ?? dialect
      let spec = try ModelSpec.preset(
        name, dialect: dialect, classes: modelSpec.classes, shape: shape)
      overrides["model_spec"] = try JSONValue(text: StateCoding.encode(spec))
    }
  }

  /// A name and a spec that were given together are those of one model, of either dialect: the one of
  /// the hyperparameters may have been changed without their model.
  func checkModelName() throws {
    if model == Hyperparameters.customModel { return }
    let classes = min(max(modelSpec.classes, 2), 1000)
    let shape = try shape
    let presets = try Dialect.allCases.map {
      try ModelSpec.preset(model, dialect: $0, classes: classes, shape: shape)
    }
    guard presets.contains(modelSpec) else {
      throw CifarError(
        .invalidArgument,
        "hyperparameters: model_spec is not the model '\(model)': give one of them, or the model "
          + "'\(Hyperparameters.customModel)'")
    }
  }
}

extension LayerSpec {
  /// Reads one layer.
  ///
  /// - Throws: `invalidArgument`, naming what can't be read.
  public init(json text: String) throws {
    do {
      let tree = try JSONValue(text: text)
      self = try MemoryNeed.secured(64 * text.utf8.count + (1 << 14), for: "the layer") {
        try StateCoding.decode(LayerSpec.self, from: tree, what: "the layer")
      }
    } catch let error as CifarError where [.badData, .invalidArgument].contains(error.code) {
      throw CifarError(.invalidArgument, error.message)
    }
  }
}

extension ModelSpec {
  /// Reads a spec, or the list of its layers alone. It need not be complete, and what is left out is
  /// not yet resolved.
  ///
  /// - Parameter shape: the input, where the text names none.
  /// - Throws: `invalidArgument`, naming the layer and what can't be read.
  public init(json text: String, shape: ImageShape = .cifar) throws {
    let tree: JSONValue
    do {
      tree = try JSONValue(text: text)
    } catch let error as CifarError where error.code == .invalidArgument {
      throw CifarError(error.code, "the model's spec \(error.message)")
    }
    var spec = tree.array == nil ? tree : .object(["layers": tree])
    guard case .object(var members) = spec else {
      throw CifarError(
        .invalidArgument,
        "the model's spec is neither a JSON object nor a list of layers: \(text.excerpt)")
    }
    if members["input"] == nil {
      members["input"] = .numbers(shape.dimensions)
      spec = .object(members)
    }
    do {
      self = try MemoryNeed.secured(64 * text.utf8.count + (1 << 14), for: "the model's spec") {
        try StateCoding.decode(ModelSpec.self, from: spec, what: "the model's spec")
      }
    } catch let error as CifarError where error.code == .badData {
      throw CifarError(.invalidArgument, error.message)
    }
  }
}
