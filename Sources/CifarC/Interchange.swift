// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import Cifar
import CifarCore
import CifarTraining
import Interchange

extension cifar_export_options {
  static var defaults: cifar_export_options {
    var options = cifar_export_options()
    options.struct_size = UInt32(MemoryLayout<cifar_export_options>.size)
    return options
  }
}

extension ExportFormat {
  init(_ format: cifar_format) throws {
    let formats: [UInt32: ExportFormat] = [
      CIFAR_FORMAT_CHECKPOINT.rawValue: .checkpoint, CIFAR_FORMAT_WEIGHTS.rawValue: .weights,
      CIFAR_FORMAT_ONNX.rawValue: .onnx, CIFAR_FORMAT_PYTORCH.rawValue: .pytorch,
      CIFAR_FORMAT_KERAS.rawValue: .keras,
    ]
    guard let format = formats[format.rawValue] else {
      throw CifarError(.invalidArgument, "format \(format.rawValue) is none of cifar_format")
    }
    self = format
  }
}

extension ExportOptions {
  init(_ format: cifar_format, _ pointer: UnsafePointer<cifar_export_options>?) throws {
    self.init(try ExportFormat(format))
    let options = try GrowingStruct.read(pointer, defaults: .defaults, "options")
    names = try Argument.text(options.names, "options.names").map(WeightNames.init(named:))
    keepsBatchNorm = options.keep_batch_norm != 0
  }
}

extension cifar_import_options {
  static var defaults: cifar_import_options {
    var options = cifar_import_options()
    options.struct_size = UInt32(MemoryLayout<cifar_import_options>.size)
    return options
  }

  func request() throws -> TrainingRequest {
    var request = TrainingRequest()
    if let recipe = try Argument.text(recipe, "options.recipe") { request.recipe = recipe }
    let overrides = try Argument.text(
      hyperparameters, "options.hyperparameters", atMost: Argument.Longest.json)
    if let overrides { request.overrides = [overrides] }
    request.model = try Argument.text(model, "options.model", atMost: Argument.Longest.json)
    return request
  }

  func classNames() throws -> [String]? {
    try Argument.text(class_names, "options.class_names", atMost: Argument.Longest.list)?
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}

@_cdecl("cifar_export_options_init") @implementation
public func cifar_export_options_init(
  _ options: UnsafeMutablePointer<cifar_export_options>?, _ optionsSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_export_options.defaults, to: options, size: optionsSize, "options")
  }
}

@_cdecl("cifar_model_export") @implementation
public func cifar_model_export(
  _ model: OpaquePointer?, _ format: cifar_format, _ path: UnsafePointer<CChar>?,
  _ options: UnsafePointer<cifar_export_options>?
) -> cifar_status {
  guarded {
    try ModelHandle.from(model).model.export(
      ExportOptions(format, options),
      to: Argument.requiredText(path, "path", atMost: Argument.Longest.path))
  }
}

@_cdecl("cifar_model_encode") @implementation
public func cifar_model_encode(
  _ model: OpaquePointer?, _ format: cifar_format, _ options: UnsafePointer<cifar_export_options>?,
  _ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?, _ size: UnsafeMutablePointer<Int>?
) -> cifar_status {
  guarded {
    let model = try ModelHandle.from(model)
    let bytes = try Argument.required(bytes, "bytes")
    let size = try Argument.required(size, "size")
    let encoded = try model.encoded(ExportOptions(format, options))
    bytes.pointee = UnsafeRawPointer(encoded.pointer)
    size.pointee = encoded.count
  }
}

@_cdecl("cifar_import_options_init") @implementation
public func cifar_import_options_init(
  _ options: UnsafeMutablePointer<cifar_import_options>?, _ optionsSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_import_options.defaults, to: options, size: optionsSize, "options")
  }
}

@_cdecl("cifar_model_import") @implementation
public func cifar_model_import(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<cifar_import_options>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let options = try GrowingStruct.read(options, defaults: .defaults, "options")
    let model = try Model(
      weightsFile: Argument.requiredText(path, "path", atMost: Argument.Longest.path),
      request: options.request(), classNames: options.classNames(),
      threads: Argument.threads(options.threads))
    out.pointee = Handle.make(try ModelHandle(model))
  }
}

@_cdecl("cifar_model_decode") @implementation
public func cifar_model_decode(
  _ bytes: UnsafeRawPointer?, _ size: Int, _ options: UnsafePointer<cifar_import_options>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let size = try Argument.count(size, "size")
    let start = try Argument.required(bytes, "bytes")
    let options = try GrowingStruct.read(options, defaults: .defaults, "options")
    try MemoryNeed.check(2 * size, for: "the weights")
    let model = try Model(
      weights: Array(UnsafeRawBufferPointer(start: start, count: size)),
      request: options.request(), classNames: options.classNames(), source: "memory",
      threads: Argument.threads(options.threads))
    out.pointee = Handle.make(try ModelHandle(model))
  }
}
