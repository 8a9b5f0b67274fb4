import CifarCore
import CommandSupport
import Glibc

/// Pictures in the format that their file's name asks for.
enum Picture {
  /// - Throws: `UsageError` for a name that ends in neither .svg nor .png, `unsupported` for a PNG
  ///   where rsvg-convert is not installed.
  static func write(_ svg: String, to file: String) throws {
    if file.hasSuffix(".svg") { return try TextFile.write(svg, to: file) }
    guard file.hasSuffix(".png") else {
      throw UsageError("--output '\(file)' must end in .svg or .png")
    }
    let source = "\(file).svg.part"
    let part = "\(file).part"
    defer {
      unlink(source)
      unlink(part)
    }
    try TextFile.write(svg, to: source)
    let result: ChildProcess.Result
    do {
      result = try ChildProcess.run([
        "rsvg-convert", "--format=png", "--output", part, "--", source,
      ])
    } catch let error as CifarError where error.code == .unsupported {
      throw CifarError(
        .unsupported,
        "PNG files are made by rsvg-convert, which is not installed (Debian: librsvg2-bin); "
          + "write a .svg instead")
    }
    guard result.exitCode == 0, rename(part, file) == 0 else {
      throw CifarError(
        .io, "can't write '\(file)': \(result.lastErrorLine(or: String(cString: strerror(errno))))")
    }
  }
}
