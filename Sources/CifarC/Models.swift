// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import CifarTraining

/// A model and the strings it handed out.
final class ModelHandle {
  let model: Model
  let info: cifar_model_info
  let classNames: [UnsafePointer<CChar>?]
  let precisionNames: [Precision: UnsafePointer<CChar>?]
  private let strings = StringKeeper()
  private let lock = ConditionLock()
  /// Under the lock.
  private var summaryText: UnsafePointer<CChar>?
  /// Files of it that were asked for, by what they were asked for with. Under the lock.
  private var files: [ExportOptions: AlignedBuffer<UInt8>] = [:]

  init(_ model: Model) throws {
    self.model = model
    var info = cifar_model_info()
    info.classes = UInt32(clamping: model.classNames.count)
    info.epoch = UInt32(clamping: model.epoch)
    info.parameters = UInt64(clamping: model.parameterCount)
    info.hyperparameters = strings.keep(try StateCoding.encode(model.hyperparameters))
    info.channels = UInt32(model.shape.channels)
    info.height = UInt32(model.shape.height)
    info.width = UInt32(model.shape.width)
    self.info = info
    classNames = model.classNames.map(strings.keep)
    precisionNames = Dictionary(
      uniqueKeysWithValues: Precision.allCases.map { [strings] in ($0, strings.keep($0.rawValue)) })
  }

  /// What it is made of, written when someone asks for it.
  func summary() throws -> UnsafePointer<CChar>? {
    try lock.withLock {
      if summaryText == nil {
        summaryText = strings.keep(try ModelSummary(of: model.hyperparameters.modelSpec).text)
      }
      return summaryText
    }
  }

  /// The bytes of a file, made when someone asks for them.
  func encoded(_ options: ExportOptions) throws -> AlignedBuffer<UInt8> {
    try lock.withLock {
      if let file = files[options] { return file }
      let bytes = try model.exported(options)
      let file = try AlignedBuffer<UInt8>(count: bytes.count, for: "the bytes of a file")
      bytes.withUnsafeBufferPointer { source in
        if let start = source.baseAddress { file.pointer.update(from: start, count: source.count) }
      }
      files[options] = file
      return file
    }
  }

  static func from(_ pointer: OpaquePointer?) throws -> ModelHandle {
    try Handle.object(pointer, ModelHandle.self, "model")
  }
}

@_cdecl("cifar_model_open") @implementation
public func cifar_model_open(
  _ path: UnsafePointer<CChar>?, _ threads: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let model = try Model(
      file: Argument.requiredText(path, "path", atMost: Argument.Longest.path),
      threads: Argument.threads(threads))
    out.pointee = Handle.make(try ModelHandle(model))
  }
}

@_cdecl("cifar_model_from_run") @implementation
public func cifar_model_from_run(
  _ registry: UnsafePointer<CChar>?, _ run: UnsafePointer<CChar>?,
  _ checkpoint: UnsafePointer<CChar>?, _ threads: UInt32,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let model = try Model(
      registryPath: Argument.text(registry, "registry", atMost: Argument.Longest.path)
        ?? Registry.defaultPath(),
      run: Argument.requiredText(run, "run"),
      checkpoint: CheckpointChoice(checkpoint, default: .best),
      threads: Argument.threads(threads))
    out.pointee = Handle.make(try ModelHandle(model))
  }
}

@_cdecl("cifar_model_from_memory") @implementation
public func cifar_model_from_memory(
  _ bytes: UnsafePointer<UInt8>?, _ size: Int, _ threads: UInt32,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let bytes = try Argument.required(bytes, "bytes")
    let size = try Argument.count(size, "size")
    let copy = try MemoryNeed.secured(size + 64, for: "the checkpoint") {
      Array(UnsafeBufferPointer(start: bytes, count: size))
    }
    let model = try Model(bytes: copy, threads: Argument.threads(threads))
    out.pointee = Handle.make(try ModelHandle(model))
  }
}

@_cdecl("cifar_model_from_trainer") @implementation
public func cifar_model_from_trainer(
  _ trainer: OpaquePointer?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded(on: .callers) {
    let out = try Argument.required(out, "out")
    out.pointee = Handle.make(try ModelHandle(TrainerHandle.from(trainer).model()))
  }
}

@_cdecl("cifar_model_get_info") @implementation
public func cifar_model_get_info(
  _ model: OpaquePointer?, _ info: UnsafeMutablePointer<cifar_model_info>?, _ infoSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(ModelHandle.from(model).info, to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_model_get_class_name") @implementation
public func cifar_model_get_class_name(
  _ model: OpaquePointer?, _ index: UInt32, _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  ListAccess.className(index, of: { try ModelHandle.from(model).classNames }, to: name)
}

@_cdecl("cifar_model_get_summary") @implementation
public func cifar_model_get_summary(
  _ model: OpaquePointer?, _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model)
    let text = try Argument.required(text, "text")
    text.pointee = try model.summary()
  }
}

@_cdecl("cifar_model_set_precision") @implementation
public func cifar_model_set_precision(
  _ model: OpaquePointer?, _ precision: UnsafePointer<CChar>?
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model).model
    try model.setPrecision(Precision(named: Argument.requiredText(precision, "precision")))
  }
}

@_cdecl("cifar_model_get_precision") @implementation
public func cifar_model_get_precision(
  _ model: OpaquePointer?, _ precision: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded {
    let handle = try ModelHandle.from(model)
    let precision = try Argument.required(precision, "precision")
    precision.pointee = handle.precisionNames[handle.model.precision] ?? nil
  }
}

@_cdecl("cifar_model_quantize") @implementation
public func cifar_model_quantize(
  _ model: OpaquePointer?, _ calibration: OpaquePointer?, _ images: Int,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model).model
    let calibration = try DatasetHandle.from(calibration, "calibration").dataset
    let count = try Argument.count(images, "images")
    let out = try Argument.required(out, "out")
    let quantized = try model.quantized(
      calibration: calibration, count: count == 0 ? Model.calibrationImages : count)
    out.pointee = Handle.make(try ModelHandle(quantized))
  }
}

@_cdecl("cifar_model_evaluate") @implementation
public func cifar_model_evaluate(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?,
  _ evaluation: UnsafeMutablePointer<cifar_evaluation>?, _ evaluationSize: Int
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model).model
    let dataset = try DatasetHandle.from(dataset).dataset
    _ = try Argument.required(evaluation, "evaluation")
    let result = try model.evaluate(dataset)
    try GrowingStruct.write(
      cifar_evaluation(result, of: model, on: dataset), to: evaluation, size: evaluationSize,
      "evaluation")
  }
}

@_cdecl("cifar_model_evaluate_classes") @implementation
public func cifar_model_evaluate_classes(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ flips: Int32,
  _ evaluation: UnsafeMutablePointer<cifar_evaluation>?, _ evaluationSize: Int,
  _ confusion: UnsafeMutablePointer<UInt64>?, _ scores: UnsafeMutablePointer<Double>?
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model).model
    let dataset = try DatasetHandle.from(dataset).dataset
    _ = try Argument.required(evaluation, "evaluation")
    let result = try model.evaluate(dataset, flips: flips != 0)
    try GrowingStruct.write(
      cifar_evaluation(result, of: model, on: dataset), to: evaluation, size: evaluationSize,
      "evaluation")
    if let confusion {
      for (index, count) in result.confusion.joined().enumerated() {
        confusion[index] = UInt64(count)
      }
    }
    guard let scores else { return }
    for (index, score) in result.classes.enumerated() {
      scores[3 * index] = score.precision
      scores[3 * index + 1] = score.recall
      scores[3 * index + 2] = score.f1
    }
  }
}

@_cdecl("cifar_model_evaluate_augmented") @implementation
public func cifar_model_evaluate_augmented(
  _ model: OpaquePointer?, _ dataset: OpaquePointer?, _ augmentation: UnsafePointer<CChar>?,
  _ evaluation: UnsafeMutablePointer<cifar_evaluation>?, _ evaluationSize: Int
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model).model
    let dataset = try DatasetHandle.from(dataset).dataset
    let augmentation = try TestTimeAugmentation(
      named: Argument.requiredText(augmentation, "augmentation"))
    _ = try Argument.required(evaluation, "evaluation")
    let result = try model.evaluate(dataset, augmentation: augmentation)
    try GrowingStruct.write(
      cifar_evaluation(result, of: model, on: dataset), to: evaluation, size: evaluationSize,
      "evaluation")
  }
}

extension cifar_evaluation {
  fileprivate init(_ result: Evaluation, of model: Model, on images: Dataset) {
    self.init()
    chose_epoch = model.share(ofChoiceIn: images) == .none ? 0 : 1
    loss = result.loss
    accuracy = result.accuracy
    count = result.count
    top5_accuracy = result.topFiveAccuracy
    macro_f1 = result.macroF1
    accuracy_low = result.accuracyInterval.lowerBound
    accuracy_high = result.accuracyInterval.upperBound
  }
}

@_cdecl("cifar_model_predict") @implementation
public func cifar_model_predict(
  _ model: OpaquePointer?, _ images: UnsafePointer<UInt8>?, _ count: Int,
  _ probabilities: UnsafeMutablePointer<Float>?
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model).model
    let count = try Argument.count(count, "count")
    if count == 0 { return }
    try model.predict(
      images: try Argument.required(images, "images"), count: count,
      probabilities: try Argument.required(probabilities, "probabilities"))
  }
}

@_cdecl("cifar_model_save") @implementation
public func cifar_model_save(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?
) -> cifar_status {
  guarded {
    try ModelHandle.from(model).model.save(
      to: Argument.requiredText(path, "path", atMost: Argument.Longest.path))
  }
}

@_cdecl("cifar_model_free") @implementation
public func cifar_model_free(_ model: OpaquePointer?) { Handle.free(model) }
