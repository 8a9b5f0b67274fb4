import CifarCore
import Glibc

/// CIFAR-100 as it is published: a directory with one file of 50,000 training images and one of
/// 10,000 test images, in one of two layouts. Each image has a fine label of 100 and a coarse one of
/// 20.
struct CIFAR100Layout {
  enum Kind: String, CaseIterable {
    case binary = "cifar-100-binary"
    case python = "cifar-100-python"

    /// The directory that Keras unpacks its archive into.
    var archive: String { self == .binary ? rawValue : "cifar-100-python-target" }

    func file(_ split: Split) -> String {
      self == .binary ? "\(split.rawValue).bin" : split.rawValue
    }
  }

  enum Labels: String {
    case fine = "cifar100"
    case coarse = "cifar100-coarse"

    var classNames: [String] {
      self == .fine ? CIFAR100Names.fine : CIFAR100Names.coarse
    }
  }

  let kind: Kind
  let directory: String
  let labels: Labels

  var isPresent: Bool {
    [Split.train, .test].contains { access("\(directory)/\(kind.file($0))", F_OK) == 0 }
  }

  func read(split: Split, limit: Int?) throws -> Dataset {
    let total = split == .train ? 50_000 : 10_000
    let count = min(limit ?? Int.max, total)
    let images = try AlignedBuffer<UInt8>(
      count: count * BatchTarget.imageBytes, for: "the images of the data set")
    let numbers = try AlignedBuffer<Int32>(count: count, for: "the labels of the data set")
    let target = BatchTarget(
      images: images.pointer, labels: numbers.pointer, count: count,
      classes: labels.classNames.count)
    let path = "\(directory)/\(kind.file(split))"
    switch kind {
    case .binary:
      let records = labels == .fine ? CIFARRecords.fine : .coarse
      try records.read(path, images: total, to: target)
    case .python:
      try CIFARPython.read(path, images: total, labels: "\(labels)_labels", to: target)
    }
    return Dataset(
      name: labels.rawValue, split: split, classNames: labels.classNames,
      location: "\(labels.rawValue):\(directory)", shape: .cifar,
      images: images, labels: numbers)
  }
}
