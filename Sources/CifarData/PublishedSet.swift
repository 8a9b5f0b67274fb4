import CifarCore
import Glibc

/// A data set on disk, in the layout of those who publish it.
protocol DatasetLayout {
  /// Whether at least one of its files is there: then the others are missed by name.
  var isPresent: Bool { get }
  /// - Throws: `notFound`, `io`, `outOfMemory`; `badData` for damaged files.
  func read(split: Split, limit: Int?) throws -> Dataset
}

extension CIFAR10Layout: DatasetLayout {}
extension CIFAR100Layout: DatasetLayout {}
extension IDXLayout: DatasetLayout {}
extension SVHNLayout: DatasetLayout {}

/// A data set that is opened by its name, besides CIFAR-10.
struct PublishedSet {
  let name: String
  /// The layouts that a directory may hold, each in the places where it may lie.
  let layouts: @Sendable (_ directory: String) -> [any DatasetLayout]
  /// What is looked for.
  let files: String
  /// How to get them.
  let remedy: String

  private static let all: [PublishedSet] =
    [CIFAR100Layout.Labels.fine, .coarse].map { labels in
      PublishedSet(
        name: labels.rawValue,
        layouts: { directory in
          CIFAR100Layout.Kind.allCases.flatMap { kind in
            [
              directory, "\(directory)/\(kind.rawValue)",
              "\(directory)/\(kind.archive)/\(kind.rawValue)",
            ].map { CIFAR100Layout(kind: kind, directory: $0, labels: labels) }
          }
        }, files: CIFAR100Layout.Kind.allCases.map(\.rawValue).joined(separator: " or "),
        remedy: "get it with `cifar data download --dataset cifar100`")
    }
    + IDXLayout.Name.allCases.map { name in
      PublishedSet(
        name: name.rawValue,
        layouts: { directory in
          [directory, "\(directory)/\(name.rawValue)", "\(directory)/\(name.directory)"].map {
            IDXLayout(name: name, directory: $0)
          }
        }, files: "train-images-idx3-ubyte, as it is or as .gz,",
        remedy: "download its four files")
    } + [
      PublishedSet(
        name: SVHNLayout.datasetName,
        layouts: { directory in
          [directory, "\(directory)/svhn", "\(directory)/SVHN"].map(SVHNLayout.init)
        }, files: "train_32x32.mat", remedy: "download train_32x32.mat and test_32x32.mat")
    ]

  static func named(_ name: String) -> PublishedSet? { all.first { $0.name == name } }

  /// - Parameter directory: nil for the usual places.
  /// - Throws: `notFound` if it is not there; as `DatasetLayout.read`.
  func open(in directory: String?, split: Split, limit: Int?) throws -> Dataset {
    let candidates = try directory.map { [$0] } ?? Dataset.usualPlaces()
    if directory == nil, let named = try EnvironmentVariable.dataDirectory.text(),
      access(named, F_OK) != 0
    {
      throw CifarError(
        .notFound,
        "$CIFAR10_DIR is '\(named)', and there is no such directory; set it to another, or \(remedy)"
      )
    }
    for layout in candidates.flatMap({ layouts(AbsolutePath.of($0)) }) where layout.isPresent {
      return try layout.read(split: split, limit: limit)
    }
    throw CifarError(
      .notFound,
      "no \(files) in \(candidates.joined(separator: ", ")); name the directory, '\(name):DIR', or "
        + remedy)
  }
}
