import CifarCore
import Glibc

/// Pictures in the format that their file's name asks for.
public enum Picture {
  private static let svg = FileKind(
    "a plot of cifar-runs", startsWith: "<svg", contains: "<!-- libcifar -->")

  /// Looks whether a picture could be written, before the work that it shows is done.
  ///
  /// - Throws: as `write`.
  public static func check(
    _ file: String, _ arguments: Arguments, option: String = "--output"
  ) throws {
    if file == "-" { return }
    let kind = try kind(of: file, option)
    try FileWriter.check(file, as: kind, force: arguments.has("--force"))
    guard file.hasSuffix(".png") else { return }
    do {
      _ = try ChildProcess.run(["rsvg-convert", "--version"], check: Interruption.check)
    } catch let error as CifarError where error.code == .unsupported {
      throw missingConverter
    }
  }

  private static func kind(of file: String, _ option: String) throws -> FileKind {
    if file.hasSuffix(".svg") { return svg }
    guard file.hasSuffix(".png") else {
      throw UsageError("\(option) '\(file)' must end in .svg or .png")
    }
    return PNG.kind
  }

  private static let missingConverter = CifarError(
    .unsupported,
    "PNG files are made by rsvg-convert, which is not installed (Debian: librsvg2-bin); "
      + "write a .svg instead")

  /// - Parameter option: that names the file.
  /// - Throws: `UsageError` for a name that ends in neither .svg nor .png, `unsupported` for a PNG
  ///   where rsvg-convert is not installed; what `FileWriter` throws.
  public static func write(
    _ text: String, to file: String, _ arguments: Arguments, option: String = "--output"
  ) throws {
    let kind = file == "-" ? svg : try kind(of: file, option)
    if !file.hasSuffix(".png") {
      return try arguments.write(to: file, as: kind) { try $0.write(text) }
    }
    Interruption.handle()
    let bytes = try PNG.marked(try converted(text), file)
    try arguments.write(to: file, as: kind) { try $0.write(bytes) }
  }

  /// What rsvg-convert makes of the drawing, in a directory of its own.
  private static func converted(_ text: String) throws -> [UInt8] {
    let temporary = try ScratchDirectory()
    let (source, result) = ("\(temporary.path)/plot.svg", "\(temporary.path)/plot.png")
    try FileWriter.write(Array(text.utf8), to: source, as: svg)
    do {
      let run = try ChildProcess.run(
        ["rsvg-convert", "--format=png", "--output", result, "--", source],
        check: Interruption.check)
      guard run.exitCode == 0 else {
        throw CifarError(.io, "rsvg-convert failed: \(run.lastErrorLine(or: "\(run.exitCode)"))")
      }
    } catch let error as CifarError where error.code == .unsupported {
      throw missingConverter
    }
    return try File.contents(of: result)
  }
}

/// PNG pictures that say who made them.
private enum PNG {
  /// A `tEXt` chunk, "Software: libcifar": length, type, text, CRC-32.
  private static let mark: [UInt8] =
    [0, 0, 0, 17] + "tEXtSoftware\0libcifar".utf8 + [0xe2, 0xe5, 0x86, 0xb4]
  /// Signature and `IHDR`, which come first.
  private static let head = 8 + 25

  static let kind = FileKind("a plot of cifar-runs") { bytes in
    bytes.dropFirst(head).starts(with: mark)
  }

  static func marked(_ picture: [UInt8], _ file: String) throws -> [UInt8] {
    guard picture.count > head, picture.starts(with: [0x89, 0x50, 0x4e, 0x47]) else {
      throw CifarError(.io, "can't write '\(file)': rsvg-convert made no PNG file")
    }
    return picture[..<head] + mark + picture[head...]
  }
}
