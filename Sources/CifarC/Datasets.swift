// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CCifar
import CifarCore
import CifarData

/// A data set and the strings it handed out.
final class DatasetHandle {
  let dataset: Dataset
  let info: cifar_dataset_info
  let classNames: [UnsafePointer<CChar>?]
  private let strings = StringKeeper()

  init(_ dataset: Dataset) {
    self.dataset = dataset
    var info = cifar_dataset_info()
    info.split = dataset.split == .train ? CIFAR_TRAIN : CIFAR_TEST
    info.count = dataset.count
    info.classes = UInt32(dataset.classNames.count)
    info.name = strings.keep(dataset.name)
    info.location = strings.keep(dataset.location)
    info.channels = UInt32(dataset.shape.channels)
    info.height = UInt32(dataset.shape.height)
    info.width = UInt32(dataset.shape.width)
    self.info = info
    classNames = dataset.classNames.map(strings.keep)
  }

  static func from(_ pointer: OpaquePointer?, _ name: String = "dataset") throws -> DatasetHandle {
    try Handle.object(pointer, DatasetHandle.self, name)
  }

  /// nil for NULL.
  static func optional(_ pointer: OpaquePointer?) throws -> Dataset? {
    try pointer.map { try from($0).dataset }
  }
}

extension Split {
  init(_ split: cifar_split) throws {
    switch split {
    case CIFAR_TRAIN: self = .train
    case CIFAR_TEST: self = .test
    default:
      throw CifarError(
        .invalidArgument, "split \(split.rawValue) is neither CIFAR_TRAIN nor CIFAR_TEST")
    }
  }
}

@_cdecl("cifar_dataset_open") @implementation
public func cifar_dataset_open(
  _ location: UnsafePointer<CChar>?, _ split: cifar_split, _ limit: Int,
  _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let limit = try Argument.count(limit, "limit")
    let dataset = try Dataset.open(
      Argument.text(location, "location", atMost: Argument.Longest.path), split: Split(split),
      limit: limit == 0 ? nil : limit)
    out.pointee = Handle.make(DatasetHandle(dataset))
  }
}

extension cifar_dataset_options {
  static var defaults: Self {
    var options = cifar_dataset_options()
    options.split = CIFAR_TRAIN
    options.channels = UInt32(ImageShape.cifar.channels)
    options.height = UInt32(ImageShape.cifar.height)
    options.width = UInt32(ImageShape.cifar.width)
    return options
  }

  func dataset() throws -> Dataset {
    let shape = try ImageShape(
      channels: Int(channels), height: Int(height), width: Int(width))
    let images = try Argument.required(images, "options.images")
    let labels = try Argument.required(labels, "options.labels")
    guard (0...Int.max / shape.count).contains(count) else {
      throw CifarError(.invalidArgument, "options.count is out of range")
    }
    guard (2...1000).contains(classes) else {
      throw CifarError(.invalidArgument, "options.classes \(classes) is not in 2 to 1000")
    }
    let names = try (0..<Int(classes)).map { index in
      guard let class_names else { return String(index) }
      return try Argument.requiredText(class_names[index], "options.class_names[\(index)]")
    }
    return try Dataset(
      images: UnsafeBufferPointer(start: images, count: count * shape.count), shape: shape,
      labels: UnsafeBufferPointer(start: labels, count: count),
      sampleWeights: sample_weights.map { UnsafeBufferPointer(start: $0, count: count) },
      classNames: names, split: Split(split))
  }
}

@_cdecl("cifar_dataset_options_init") @implementation
public func cifar_dataset_options_init(
  _ options: UnsafeMutablePointer<cifar_dataset_options>?, _ optionsSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(
      cifar_dataset_options.defaults, to: options, size: optionsSize, "options")
  }
}

@_cdecl("cifar_dataset_from_memory") @implementation
public func cifar_dataset_from_memory(
  _ options: UnsafePointer<cifar_dataset_options>?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> cifar_status {
  guarded {
    let out = try Argument.required(out, "out")
    let given = try Argument.required(options, "options")
    let options = try GrowingStruct.read(given, defaults: .defaults, "options")
    out.pointee = Handle.make(DatasetHandle(try options.dataset()))
  }
}

@_cdecl("cifar_dataset_get_info") @implementation
public func cifar_dataset_get_info(
  _ dataset: OpaquePointer?, _ info: UnsafeMutablePointer<cifar_dataset_info>?, _ infoSize: Int
) -> cifar_status {
  guarded {
    try GrowingStruct.write(DatasetHandle.from(dataset).info, to: info, size: infoSize, "info")
  }
}

@_cdecl("cifar_dataset_get_class_name") @implementation
public func cifar_dataset_get_class_name(
  _ dataset: OpaquePointer?, _ index: UInt32, _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> cifar_status {
  ListAccess.className(index, of: { try DatasetHandle.from(dataset).classNames }, to: name)
}

@_cdecl("cifar_dataset_get_data") @implementation
public func cifar_dataset_get_data(
  _ dataset: OpaquePointer?, _ images: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ labels: UnsafeMutablePointer<UnsafePointer<Int32>?>?
) -> cifar_status {
  guarded {
    let dataset = try DatasetHandle.from(dataset).dataset
    images?.pointee = UnsafePointer(dataset.images.pointer)
    labels?.pointee = UnsafePointer(dataset.labels.pointer)
  }
}

@_cdecl("cifar_dataset_get_sample_weights") @implementation
public func cifar_dataset_get_sample_weights(
  _ dataset: OpaquePointer?, _ weights: UnsafeMutablePointer<UnsafePointer<Float>?>?
) -> cifar_status {
  guarded {
    let weights = try Argument.required(weights, "weights")
    let own = try DatasetHandle.from(dataset).dataset.sampleWeights
    weights.pointee = own.map { UnsafePointer($0.pointer) }
  }
}

@_cdecl("cifar_dataset_read") @implementation
public func cifar_dataset_read(
  _ dataset: OpaquePointer?, _ first: Int, _ count: Int, _ images: UnsafeMutablePointer<UInt8>?,
  _ labels: UnsafeMutablePointer<Int32>?
) -> cifar_status {
  guarded {
    let dataset = try DatasetHandle.from(dataset).dataset
    guard first >= 0, count >= 0, first <= dataset.count, count <= dataset.count - first else {
      throw CifarError(
        .invalidArgument,
        "\(count) images from \(first) on are not in the \(dataset.count) there are")
    }
    let size = dataset.shape.count
    images?.update(from: dataset.images.pointer + first * size, count: count * size)
    labels?.update(from: dataset.labels.pointer + first, count: count)
  }
}

@_cdecl("cifar_dataset_free") @implementation
public func cifar_dataset_free(_ dataset: OpaquePointer?) { Handle.free(dataset) }
