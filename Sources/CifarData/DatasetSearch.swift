import CifarCore
import Glibc

extension Dataset {
  /// Opens a data set by its place.
  ///
  /// - Parameters:
  ///   - location: `shapes` for the built-in one; a directory that is or holds
  ///     `cifar-10-batches-bin` or `cifar-10-batches-py`; nil for the one in `$CIFAR10_DIR` or, where
  ///     that is not set, in `./data`, `~/.cache/cifar10` or `~/.keras/datasets`. `cifar10` is the
  ///     same, unless a directory is called that. `cifar100`, `cifar100-coarse`, `mnist`,
  ///     `fashion-mnist` and `svhn` look there for their files, and with `:DIRECTORY` in that
  ///     directory. `folder:DIRECTORY` is a directory with pictures (see `PictureFolder`).
  ///   - limit: the most images to take, from the start; nil for all.
  /// - Throws: `notFound` if there is no data set, `badData` if its files are damaged,
  ///   `invalidArgument` for a limit below 1, an empty location or one that holds a NUL.
  public static func open(
    _ location: String?, split: Split, limit: Int? = nil
  ) throws -> Dataset {
    if let limit, limit < 1 {
      throw CifarError(.invalidArgument, "limit \(limit) is not at least 1")
    }
    if let location, location.isEmpty || location.utf8.contains(0) {
      throw CifarError(
        .invalidArgument,
        "the data set's location is \(location.isEmpty ? "empty" : "a text with a NUL"); name a "
          + "directory, or 'shapes'")
    }
    if location == Shapes.name { return try Shapes.dataset(split: split, limit: limit) }
    if let location {
      let parts = location.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        .map(String.init)
      if parts.count > 1, parts[1].isEmpty, PublishedSet.named(parts[0]) != nil {
        throw CifarError(.invalidArgument, "'\(location)' names no directory")
      }
      if parts.count > 1, parts[0] == PictureFolder.datasetName {
        return try PictureFolder(parts[1]).read(split: split, limit: limit)
      }
      if let set = PublishedSet.named(parts[0]) {
        return try set.open(in: parts.count > 1 ? parts[1] : nil, split: split, limit: limit)
      }
    }
    if location == CIFAR10Layout.datasetName, access(CIFAR10Layout.datasetName, F_OK) != 0 {
      return try open(nil, split: split, limit: limit)
    }
    let candidates =
      try location.map { [$0] } ?? EnvironmentVariable.dataDirectory.text().map { [$0] }
      ?? usualPlaces()
    for directory in candidates.map(AbsolutePath.of) {
      if let layout = layout(in: directory) {
        return try layout.read(split: split, limit: limit)
      }
    }
    throw try notFound(location, candidates)
  }

  /// The directories that are searched when none is named.
  public static func usualPlaces() throws -> [String] {
    var places: [String] = []
    if let directory = try EnvironmentVariable.dataDirectory.text() { places.append(directory) }
    places.append("data")
    if let home = try EnvironmentVariable.home.text() {
      places.append(home + "/.cache/cifar10")
      places.append(home + "/.keras/datasets")
    }
    return places
  }

  /// What to open in the place of a location whose files are gone, to search the usual places: the name
  /// of its data set. nil for one that has no usual places.
  public static func nameOfSet(at location: String) -> String? {
    let name = location.split(separator: ":", maxSplits: 1).first.map(String.init) ?? ""
    if name == PictureFolder.datasetName, name != location { return nil }
    return PublishedSet.named(name)?.name ?? CIFAR10Layout.datasetName
  }

  private static func layout(in directory: String) -> CIFAR10Layout? {
    for kind in CIFAR10Layout.Kind.allCases {
      // Keras puts the python layout into a directory that is named like its archive.
      for path in [
        directory, "\(directory)/\(kind.rawValue)",
        "\(directory)/\(kind.archive)/\(kind.rawValue)",
      ] {
        let layout = CIFAR10Layout(kind: kind, directory: path)
        if layout.isPresent { return layout }
      }
    }
    return nil
  }

  private static func notFound(_ location: String?, _ searched: [String]) throws -> CifarError {
    let remedy = "name its directory, get it with `cifar data download`, or use 'shapes'"
    guard let location else {
      if let named = try EnvironmentVariable.dataDirectory.text() {
        return CifarError(
          .notFound,
          "$CIFAR10_DIR is '\(named)', and there is no CIFAR-10; unset it or set it to another place, "
            + "get the images with `cifar data download`, or use 'shapes'")
      }
      return CifarError(
        .notFound, "no CIFAR-10 in \(searched.joined(separator: ", ")); \(remedy)")
    }
    guard access(location, F_OK) == 0 else {
      return CifarError(.notFound, "no directory '\(location)'; \(remedy)")
    }
    let names = CIFAR10Layout.Kind.allCases.map(\.rawValue).joined(separator: " or ")
    return CifarError(.notFound, "no \(names) in '\(location)'; \(remedy)")
  }
}
