// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import CifarCore
import CifarNN
import CifarTraining
import Interchange

/// A model that is being written down, and the strings it handed out.
///
/// May be used from any thread. No call holds the monitors of two specs: a block's layers are
/// copied out of theirs first.
final class ModelSpecHandle {
  private let lock = ConditionLock()
  // Under the lock:
  private var builder: ModelBuilder
  private let strings = StringKeeper()
  // What was handed out since the last layer was added.
  private var json: UnsafePointer<CChar>?
  private var summary: UnsafePointer<CChar>?
  private var scripts: [ExportFormat: UnsafePointer<CChar>] = [:]
  private var keptBytes = 0

  /// A text lives as long as the spec, since another thread may hold it; one that is asked for its
  /// text after each of thousands of layers must not fill the memory.
  private static let mostKeptBytes = 64 << 20

  init(_ builder: ModelBuilder) { self.builder = builder }

  static func from(_ pointer: OpaquePointer?, _ name: String = "spec") throws -> ModelSpecHandle {
    try Handle.object(pointer, ModelSpecHandle.self, name)
  }

  /// The spec as it is at this moment.
  var current: ModelBuilder { lock.withLock { builder } }

  func add(_ layer: LayerSpec) throws {
    try lock.withLock {
      try builder.add(layer)
      (json, summary) = (nil, nil)
      scripts = [:]
    }
  }

  func setInput(_ shape: ImageShape) throws {
    try lock.withLock {
      try builder.setInput(shape)
      (json, summary) = (nil, nil)
    }
  }

  func jsonText() throws -> UnsafePointer<CChar>? {
    try lock.withLock {
      if json == nil { json = try keep(StateCoding.encode(builder.spec)) }
      return json
    }
  }

  func summaryText() throws -> UnsafePointer<CChar>? {
    try lock.withLock {
      if summary == nil { summary = try keep(builder.summary.text) }
      return summary
    }
  }

  func scriptText(_ format: ExportFormat) throws -> UnsafePointer<CChar>? {
    try lock.withLock {
      if scripts[format] == nil {
        let spec = builder.spec.resolved(for: .pytorch)
        scripts[format] = try keep(ExportedModel(untrained: spec).script(format))
      }
      return scripts[format]
    }
  }

  private func keep(_ text: String) throws -> UnsafePointer<CChar>? {
    guard keptBytes + text.utf8.count <= ModelSpecHandle.mostKeptBytes else {
      throw CifarError(
        .outOfMemory,
        "the texts that this spec has handed out take \(keptBytes >> 20) MiB, and live as long as "
          + "it does; free it and read its last text into another")
    }
    keptBytes += text.utf8.count
    return strings.keep(text)
  }
}

/// Adds one layer to a spec.
private func adding(
  to spec: OpaquePointer?, _ layer: () throws -> LayerSpec
) -> cifar_status {
  guarded { try ModelSpecHandle.from(spec).add(layer()) }
}

extension LayerSpec.Padding {
  /// nil for what the dialect decides.
  fileprivate static func from(_ padding: cifar_padding) throws -> LayerSpec.Padding? {
    switch padding {
    case CIFAR_PADDING_SAME: return .same
    case CIFAR_PADDING_VALID: return .valid
    case CIFAR_PADDING_SAME_UPPER: return .sameUpper
    case CIFAR_PADDING_DEFAULT: return nil
    default:
      throw CifarError(
        .invalidArgument,
        "padding \(padding.rawValue) is none of CIFAR_PADDING_SAME, _VALID, _SAME_UPPER and "
          + "_DEFAULT")
    }
  }
}

// MARK: Making specs

@_cdecl("cifar_model_spec_create") @implementation
public func cifar_model_spec_create(
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    out.pointee = Handle.make(ModelSpecHandle(try ModelBuilder()))
  }
}

@_cdecl("cifar_model_spec_set_input") @implementation
public func cifar_model_spec_set_input(
  _ spec: OpaquePointer?, _ channels: UInt32, _ height: UInt32, _ width: UInt32
) -> cifar_status {
  guarded {
    try ModelSpecHandle.from(spec).setInput(
      ImageShape(channels: Int(channels), height: Int(height), width: Int(width)))
  }
}

@_cdecl("cifar_model_spec_from_json") @implementation
public func cifar_model_spec_from_json(
  _ json: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let spec = try ModelSpec(
      json: Argument.requiredText(json, "json", atMost: Argument.Longest.json))
    out.pointee = Handle.make(ModelSpecHandle(try ModelBuilder(spec)))
  }
}

@_cdecl("cifar_model_spec_preset") @implementation
public func cifar_model_spec_preset(
  _ name: UnsafePointer<CChar>?, _ dialect: UnsafePointer<CChar>?, _ classes: UInt32,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let spec = try ModelSpec.preset(
      Argument.requiredText(name, "name"),
      dialect: Dialect(named: Argument.text(dialect, "dialect") ?? "pytorch"),
      classes: Int(classes))
    out.pointee = Handle.make(ModelSpecHandle(try ModelBuilder(spec)))
  }
}

@_cdecl("cifar_model_spec_resolve") @implementation
public func cifar_model_spec_resolve(
  _ spec: OpaquePointer?, _ dialect: UnsafePointer<CChar>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let spec = try ModelSpecHandle.from(spec)
    let out = try Argument.required(out, "out")
    let dialect = try Dialect(named: Argument.text(dialect, "dialect") ?? "pytorch")
    out.pointee = Handle.make(
      ModelSpecHandle(try ModelBuilder(spec.current.spec.resolved(for: dialect))))
  }
}

@_cdecl("cifar_model_spec_branch") @implementation
public func cifar_model_spec_branch(
  _ spec: OpaquePointer?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let spec = try ModelSpecHandle.from(spec)
    let out = try Argument.required(out, "out")
    out.pointee = Handle.make(ModelSpecHandle(try spec.current.branch()))
  }
}

// MARK: Adding layers

@_cdecl("cifar_model_spec_conv2d") @implementation
public func cifar_model_spec_conv2d(
  _ spec: OpaquePointer?, _ filters: UInt32, _ kernelSize: UInt32, _ stride: UInt32,
  _ padding: cifar_padding
) -> cifar_status {
  adding(to: spec) {
    .conv2d(
      filters: Int(filters), kernelSize: Int(kernelSize), stride: Int(stride),
      padding: try LayerSpec.Padding.from(padding))
  }
}

@_cdecl("cifar_model_spec_batch_norm") @implementation
public func cifar_model_spec_batch_norm(
  _ spec: OpaquePointer?, _ momentum: Double, _ epsilon: Double, _ unbiased: Int32
) -> cifar_status {
  adding(to: spec) {
    .batchNorm(
      momentum: momentum == 0 ? nil : momentum, epsilon: epsilon == 0 ? nil : epsilon,
      unbiased: unbiased < 0 ? nil : unbiased != 0)
  }
}

@_cdecl("cifar_model_spec_relu") @implementation
public func cifar_model_spec_relu(_ spec: OpaquePointer?) -> cifar_status {
  adding(to: spec) { .relu }
}

@_cdecl("cifar_model_spec_gelu") @implementation
public func cifar_model_spec_gelu(_ spec: OpaquePointer?) -> cifar_status {
  adding(to: spec) { .gelu }
}

@_cdecl("cifar_model_spec_max_pool") @implementation
public func cifar_model_spec_max_pool(_ spec: OpaquePointer?) -> cifar_status {
  adding(to: spec) { .maxPool() }
}

@_cdecl("cifar_model_spec_avg_pool") @implementation
public func cifar_model_spec_avg_pool(_ spec: OpaquePointer?) -> cifar_status {
  adding(to: spec) { .avgPool }
}

@_cdecl("cifar_model_spec_global_average_pool") @implementation
public func cifar_model_spec_global_average_pool(_ spec: OpaquePointer?) -> cifar_status {
  adding(to: spec) { .globalAveragePool }
}

@_cdecl("cifar_model_spec_dropout") @implementation
public func cifar_model_spec_dropout(_ spec: OpaquePointer?, _ rate: Double) -> cifar_status {
  adding(to: spec) { .dropout(rate: rate) }
}

@_cdecl("cifar_model_spec_flatten") @implementation
public func cifar_model_spec_flatten(_ spec: OpaquePointer?) -> cifar_status {
  adding(to: spec) { .flatten }
}

@_cdecl("cifar_model_spec_dense") @implementation
public func cifar_model_spec_dense(_ spec: OpaquePointer?, _ units: UInt32) -> cifar_status {
  adding(to: spec) { .dense(units: Int(units)) }
}

@_cdecl("cifar_model_spec_add") @implementation
public func cifar_model_spec_add(
  _ spec: OpaquePointer?, _ layer: UnsafePointer<CChar>?
) -> cifar_status {
  adding(to: spec) {
    try LayerSpec(json: Argument.requiredText(layer, "layer", atMost: Argument.Longest.json))
  }
}

@_cdecl("cifar_model_spec_residual") @implementation
public func cifar_model_spec_residual(
  _ spec: OpaquePointer?, _ layers: OpaquePointer?, _ shortcut: OpaquePointer?
) -> cifar_status {
  adding(to: spec) {
    .residual(
      layers: try ModelSpecHandle.from(layers, "layers").current.spec.layers,
      shortcut: try shortcut.map {
        try ModelSpecHandle.from($0, "shortcut").current.spec.layers
      } ?? [])
  }
}

// MARK: Looking

@_cdecl("cifar_model_spec_get_json") @implementation
public func cifar_model_spec_get_json(
  _ spec: OpaquePointer?, _ json: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded {
    let spec = try ModelSpecHandle.from(spec)
    let json = try Argument.required(json, "json")
    json.pointee = try spec.jsonText()
  }
}

@_cdecl("cifar_model_spec_get_summary") @implementation
public func cifar_model_spec_get_summary(
  _ spec: OpaquePointer?, _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded {
    let spec = try ModelSpecHandle.from(spec)
    let text = try Argument.required(text, "text")
    text.pointee = try spec.summaryText()
  }
}

@_cdecl("cifar_model_spec_get_script") @implementation
public func cifar_model_spec_get_script(
  _ spec: OpaquePointer?, _ format: cifar_format,
  _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  guarded {
    let spec = try ModelSpecHandle.from(spec)
    let text = try Argument.required(text, "text")
    text.pointee = try spec.scriptText(ExportFormat(format))
  }
}

@_cdecl("cifar_model_spec_get_info") @implementation
public func cifar_model_spec_get_info(
  _ spec: OpaquePointer?, _ info: UnsafeMutablePointer<cifar_model_spec_info>?, _ infoSize: Int
) -> cifar_status {
  guarded {
    let summary = try ModelSpecHandle.from(spec).current.summary
    try GrowingStruct.write(cifar_model_spec_info(summary), to: info, size: infoSize, "info")
  }
}

extension cifar_model_spec_info {
  fileprivate init(_ summary: ModelSummary) {
    self.init()
    layers = UInt32(summary.rows.count)
    classes = UInt32(summary.classes)
    parameters = UInt64(summary.trainable)
    non_trainable = UInt64(summary.nonTrainable)
    flops = UInt64(summary.flops)
  }
}

@_cdecl("cifar_model_spec_free") @implementation
public func cifar_model_spec_free(_ spec: OpaquePointer?) { Handle.free(spec) }
