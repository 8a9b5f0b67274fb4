import CCifar

/// A trained network to use, from any thread; its calls take turns.
public final class Model: @unchecked Sendable {
  let pointer: OpaquePointer
  private let info: cifar_model_info

  init(owning pointer: OpaquePointer) throws {
    do {
      info = try filled(cifar_model_info()) { cifar_model_get_info(pointer, $0, $1) }
    } catch {
      cifar_model_free(pointer)
      throw error
    }
    self.pointer = pointer
  }

  deinit { cifar_model_free(pointer) }

  /// Opens a file that ``save(to:)`` or the command `cifar export` wrote.
  ///
  /// - Throws: ``CifarError``: `notFound`, `io`; `badData`; `notFinite`, naming the tensor.
  public convenience init(file path: String) throws {
    let pointer = try CStrings.during { strings in
      let path = try strings(path)
      return try made { cifar_model_open(path, 0, $0) }
    }
    try self.init(owning: pointer)
  }

  /// Opens a checkpoint of a run.
  ///
  /// - Parameters:
  ///   - run: its id, the first 4 or more characters of it, or its name.
  ///   - checkpoint: "last", "best" or a checkpoint's id.
  ///   - registry: the SQLite file; nil for `$CIFAR_REGISTRY`, else `./cifar-runs.db`.
  /// - Throws: ``CifarError``: `notFound`, `ambiguous`, `checksumMismatch`, `badData`, `notFinite`;
  ///   those of the registry.
  public convenience init(
    run: String, checkpoint: String = "best", registry: String? = nil
  ) throws {
    let pointer = try CStrings.during { strings in
      let (registry, run) = (try strings(registry), try strings(run))
      let checkpoint = try strings(checkpoint)
      return try made { cifar_model_from_run(registry, run, checkpoint, 0, $0) }
    }
    try self.init(owning: pointer)
  }

  /// The epoch whose weights they are: the last completed one, or that whose weights early stopping
  /// put back.
  public var epoch: Int { Int(info.epoch) }

  /// Numbers that were trained.
  public var parameters: Int { Int(info.parameters) }

  /// What it was trained with, a JSON object.
  public var hyperparameters: String { String(copying: info.hyperparameters) ?? "" }

  /// The names of its classes, in the order of the probabilities.
  public var classNames: [String] {
    (0..<info.classes).map {
      var name: UnsafePointer<CChar>?
      cifar_model_get_class_name(pointer, $0, &name)
      return String(copying: name) ?? ""
    }
  }

  /// Of the images that it takes.
  public var shape: ImageShape { ImageShape(info.channels, info.height, info.width) }

  /// Its layers as a table, as Keras prints it.
  public func summary() throws -> String {
    var text: UnsafePointer<CChar>?
    try check(cifar_model_get_summary(pointer, &text))
    return String(copying: text) ?? ""
  }

  /// What its answers are computed in: `float32` at first, whatever it was trained in.
  public func precision() throws -> String {
    var text: UnsafePointer<CChar>?
    try check(cifar_model_get_precision(pointer, &text))
    return String(copying: text) ?? ""
  }

  /// What all answers from now on are computed in.
  ///
  /// - Parameter precision: `float32`, `mixed_bfloat16` or, if it is quantized, `int8`.
  /// - Throws: ``CifarError``: `invalidArgument` for another name; `unsupported` for one that the model
  ///   does not have; `outOfMemory`.
  public func setPrecision(_ precision: String) throws {
    try CStrings.during { strings in
      try check(cifar_model_set_precision(pointer, strings(precision)))
    }
  }

  /// A model of the same layers with numbers of 8 bits: post-training quantization.
  ///
  /// - Parameters:
  ///   - calibration: images like those it will be asked about.
  ///   - images: how many of them are looked at, evenly spaced.
  /// - Throws: ``CifarError``: `shapeMismatch`; `unsupported`; `notFinite`; `outOfMemory`.
  public func quantized(calibration: Dataset, images: Int = 512) throws -> Model {
    guard images > 0 else {
      throw CifarError(.invalidArgument, "there are no \(images) images to calibrate on")
    }
    return try Model(
      owning: made { cifar_model_quantize(pointer, calibration.pointer, images, $0) })
  }

  /// How good a model is on a data set.
  public struct Evaluation: Equatable, Sendable {
    /// Mean cross-entropy, natural logarithm.
    public let loss: Double
    /// 0 to 1.
    public let accuracy: Double
    /// Images.
    public let count: Int
    /// The label is among the five most probable classes; 0 to 1.
    public let topFiveAccuracy: Double
    /// The mean of the classes' F1; 0 to 1.
    public let macroF1: Double
    /// Where the accuracy on all such images lies, with 95 % confidence.
    public let accuracyInterval: ClosedRange<Double>
    /// Whether the model's weights were chosen on these images, or on some of them.
    public let choseEpoch: Bool
  }

  /// Loss, accuracy and more on a data set.
  ///
  /// - Throws: ``CifarError``: `shapeMismatch` for other classes; `notFinite`.
  public func evaluate(_ data: Dataset) throws -> Evaluation {
    let result = try filled(cifar_evaluation()) {
      cifar_model_evaluate(pointer, data.pointer, $0, $1)
    }
    return Evaluation(
      loss: result.loss, accuracy: result.accuracy, count: result.count,
      topFiveAccuracy: result.top5_accuracy, macroF1: result.macro_f1,
      accuracyInterval: result.accuracy_low...result.accuracy_high,
      choseEpoch: result.chose_epoch != 0)
  }

  /// The probability of each class for each image, a row an image.
  ///
  /// - Parameter images: the bytes of the model's ``shape`` an image.
  /// - Throws: ``CifarError``: `shapeMismatch` for bytes that are no whole images; `notFinite`.
  public func predict(_ images: [UInt8]) throws -> [[Float]] {
    guard images.count.isMultiple(of: shape.bytes) else {
      throw CifarError(
        .shapeMismatch, "\(images.count) bytes are no images of \(shape.bytes) bytes")
    }
    let classes = Int(info.classes)
    let count = images.count / shape.bytes
    var probabilities = [Float](repeating: 0, count: count * classes)
    try check(cifar_model_predict(pointer, images, count, &probabilities))
    return (0..<count).map { Array(probabilities[($0 * classes)..<(($0 + 1) * classes)]) }
  }

  /// Writes weights and statistics, all that a model is, to a safetensors file, whole or not at all. An
  /// existing file is replaced if it is empty, weights or a checkpoint.
  ///
  /// - Throws: ``CifarError``: `invalidArgument` for an existing file of another kind; `io`,
  ///   `diskFull`.
  public func save(to path: String) throws {
    try CStrings.during { strings in try check(cifar_model_save(pointer, strings(path))) }
  }
}
