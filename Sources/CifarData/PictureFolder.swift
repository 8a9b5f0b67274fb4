import CifarCore
import Glibc

/// A directory with pictures: a subdirectory a class, in the order of their names, and the pictures in
/// it, which are known by their names' endings. Training and test images lie apart in `train` and `test` where there are such directories.
struct PictureFolder {
  static let datasetName = "folder"

  private static let endings: Set = [
    "avif", "bmp", "dib", "gif", "heic", "heif", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "pbm",
    "pcx", "pgm", "png", "pnm", "ppm", "psd", "qoi", "ras", "sgi", "tga", "tif", "tiff", "webp",
    "xbm", "xpm",
  ]

  private static func isPicture(_ name: String) -> Bool {
    guard let dot = name.lastIndex(of: ".") else { return false }
    return endings.contains(name[name.index(after: dot)...].lowercased())
  }

  private let directory: String

  init(_ directory: String) throws {
    guard !directory.isEmpty else {
      throw CifarError(.invalidArgument, "'\(PictureFolder.datasetName):' names no directory")
    }
    self.directory = AbsolutePath.of(directory)
  }

  /// - Throws: `notFound`; `badData`, `shapeMismatch`, naming the file; as `PictureFile`.
  func read(split: Split, limit: Int?) throws -> Dataset {
    let root = try root(of: split)
    let classes = try entries(of: root).filter { PictureFolder.isDirectory("\(root)/\($0)") }
    guard (2...1000).contains(classes.count) else {
      throw CifarError(
        .badData,
        "'\(root)' has \(classes.count) subdirectories; it needs one a class, from 2 to 1000")
    }
    var files: [(path: String, label: Int)] = []
    for (label, name) in classes.enumerated() {
      let pictures = try entries(of: "\(root)/\(name)").filter {
        PictureFolder.isPicture($0) && !PictureFolder.isDirectory("\(root)/\(name)/\($0)")
      }
      guard !pictures.isEmpty else {
        throw CifarError(.badData, "'\(root)/\(name)' has no pictures")
      }
      files += pictures.map { ("\(root)/\(name)/\($0)", label) }
    }
    // As many of each class as of the others, as far as a limit goes.
    if let limit, limit < files.count { files = PictureFolder.evenly(files, limit) }
    let pictures = try files.map { try PictureFile($0.path) }
    let first = pictures[0].shape
    // One picture in colours makes all of them so.
    let channels = pictures.allSatisfy { $0.shape.channels == 1 } ? 1 : 3
    let shape = try ImageShape(channels: channels, height: first.height, width: first.width)
    let images = try AlignedBuffer<UInt8>(
      count: files.count * shape.count, for: "the images of the data set")
    let labels = try AlignedBuffer<Int32>(count: files.count, for: "the labels of the data set")
    for (index, (file, picture)) in zip(files, pictures).enumerated() {
      guard picture.shape.height == shape.height, picture.shape.width == shape.width else {
        throw CifarError(
          .shapeMismatch,
          "'\(file.path)' is \(picture.shape.width)×\(picture.shape.height), but "
            + "'\(files[0].path)' \(shape.width)×\(shape.height); all must have one size")
      }
      labels[index] = Int32(file.label)
      for channel in 0..<shape.channels {
        let from = picture.shape.channels == 1 ? 0 : channel * shape.pixels
        for i in 0..<shape.pixels {
          images[index * shape.count + channel * shape.pixels + i] = picture.bytes[from + i]
        }
      }
    }
    return Dataset(
      name: PictureFolder.datasetName, split: split, classNames: classes,
      location: "\(PictureFolder.datasetName):\(directory)", shape: shape, images: images,
      labels: labels)
  }

  private func root(of split: Split) throws -> String {
    let own = "\(directory)/\(split.rawValue)"
    if PictureFolder.isDirectory(own) { return own }
    guard PictureFolder.isDirectory(directory) else {
      throw CifarError(.notFound, "no directory '\(directory)'")
    }
    let others = [Split.train, .test].filter {
      PictureFolder.isDirectory("\(directory)/\($0.rawValue)")
    }
    guard others.isEmpty else {
      throw CifarError(
        .notFound,
        "'\(directory)' has a directory '\(others[0].rawValue)', but none '\(split.rawValue)'")
    }
    guard split == .train else {
      throw CifarError(
        .notFound,
        "'\(directory)' has no directory 'test': put the pictures to train with into "
          + "'train/CLASS', those to test with into 'test/CLASS'")
    }
    return directory
  }

  /// The first ones of each class in turns.
  private static func evenly(
    _ files: [(path: String, label: Int)], _ limit: Int
  ) -> [(path: String, label: Int)] {
    var places: [Int: Int] = [:]
    return files.map { file in
      places[file.label, default: -1] += 1
      return (file: file, turn: places[file.label] ?? 0)
    }.sorted { ($0.turn, $0.file.label) < ($1.turn, $1.file.label) }.prefix(limit).map(\.file)
  }

  /// The names in a directory, in order; hidden ones, and what archives of macOS put beside others,
  /// are left out.
  private func entries(of path: String) throws -> [String] {
    guard let list = opendir(path) else {
      throw CifarError(.io, "can't read '\(path)': \(String(cString: strerror(errno)))")
    }
    defer { closedir(list) }
    var names: [String] = []
    while let entry = readdir(list) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix("."), name != "__MACOSX" { names.append(name) }
    }
    return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
