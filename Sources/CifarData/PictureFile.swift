import CifarCore
import Glibc

/// One picture from a file, as an image of a data set or a model.
///
/// PPM and PGM with a byte a number are read as they are. Everything else is turned into them by a
/// program of the system: ImageMagick, GraphicsMagick or ffmpeg, whichever is installed. Transparency is
/// left out: the colours are those that the file has below it, as torchvision and Keras take them.
public struct PictureFile {
  /// (channels, height, width)
  public let bytes: [UInt8]
  public let shape: ImageShape

  /// The largest file that is read, and the largest that a converter may write.
  private static let largest = 512 << 20

  /// Reads a picture that has the size of an image.
  ///
  /// - Throws: `notFound`, `io`; `badData` for what is no picture; `shapeMismatch` for a size that no
  ///   image has; `unsupported` where a converter is needed, and there is none.
  public init(_ path: String) throws {
    let bitmap = try PictureFile.bitmap(path)
    do {
      shape = try ImageShape(
        channels: bitmap.channels, height: bitmap.height, width: bitmap.width)
    } catch {
      throw CifarError(
        .shapeMismatch,
        "'\(path)' is \(bitmap.width)×\(bitmap.height); images have from "
          + "\(ImageShape.sides.lowerBound) to \(ImageShape.sides.upperBound) rows and columns")
    }
    bytes = bitmap.planes(channels: shape.channels)
  }

  /// Makes an image of a given shape of a picture of any size: turned as its camera was held, cut to
  /// the proportions in its middle, and shrunk or stretched.
  ///
  /// - Throws: as above.
  public init(_ path: String, fitting shape: ImageShape) throws {
    let bitmap = try PictureFile.bitmap(path, fitting: shape)
    guard bitmap.width == shape.width, bitmap.height == shape.height else {
      throw CifarError(
        .badData,
        "'\(path)' became \(bitmap.width)×\(bitmap.height), not \(shape.width)×\(shape.height)")
    }
    self.shape = shape
    bytes = bitmap.planes(channels: shape.channels)
  }

  private static func bitmap(_ path: String, fitting shape: ImageShape? = nil) throws -> NetpbmImage
  {
    let start = try DataFile(path, remedy: "").start(2)
    if start == Array("P5".utf8) || start == Array("P6".utf8) {
      let content = try DataFile(path, remedy: "").bytes(atMost: largest)
      let header = try NetpbmHeader(content, path: path)
      let fits = shape.map { header.width == $0.width && header.height == $0.height } ?? true
      if header.largest == 255, fits { return try NetpbmImage(header, content, path: path) }
    }
    return try PictureConverter.run(path, fitting: shape, atMost: largest)
  }
}

/// What a portable pixmap or graymap says of itself: P6 or P5. (Netpbm, "ppm" and "pgm".)
struct NetpbmHeader {
  let channels: Int
  let height: Int
  let width: Int
  /// What white is.
  let largest: Int
  /// Where the pixels begin.
  let pixels: Int

  /// - Throws: `badData`.
  init(_ content: [UInt8], path: String) throws {
    func fault(_ text: String) -> CifarError { CifarError(.badData, "'\(path)' \(text)") }
    guard content.count > 2, content[0] == UInt8(ascii: "P"),
      content[1] == UInt8(ascii: "5") || content[1] == UInt8(ascii: "6")
    else { throw fault("is no PPM or PGM") }
    channels = content[1] == UInt8(ascii: "6") ? 3 : 1
    var place = 2
    /// The next number of the header, with comments left out.
    func number() throws -> Int {
      while place < content.count {
        if content[place] == UInt8(ascii: "#") {
          while place < content.count, content[place] != UInt8(ascii: "\n") { place += 1 }
        } else if [9, 10, 11, 12, 13, 32].contains(content[place]) {
          place += 1
        } else {
          break
        }
      }
      let start = place
      while place < content.count, (48...57).contains(content[place]) { place += 1 }
      let digits = content[start..<place].drop { $0 == UInt8(ascii: "0") }
      guard place > start, digits.count <= 9 else { throw fault("has a damaged header") }
      return digits.reduce(0) { 10 * $0 + Int($1 - 48) }
    }
    width = try number()
    height = try number()
    largest = try number()
    guard (1...65_536).contains(width), (1...65_536).contains(height) else {
      throw fault("is \(width)×\(height); a picture has from 1 to 65,536 rows and columns")
    }
    guard (1...65_535).contains(largest) else {
      throw fault("has values to \(largest); they go to 255, or to 65,535 at most")
    }
    // One white space, then the pixels.
    pixels = place + 1
  }
}

/// A portable pixmap or graymap with a byte a number.
struct NetpbmImage {
  let channels: Int
  let height: Int
  let width: Int
  private let pixels: ArraySlice<UInt8>

  /// - Throws: `badData`.
  init(_ header: NetpbmHeader, _ content: [UInt8], path: String) throws {
    (channels, height, width) = (header.channels, header.height, header.width)
    func fault(_ text: String) -> CifarError { CifarError(.badData, "'\(path)' \(text)") }
    guard header.largest == 255 else {
      throw fault("has values to \(header.largest), not to 255")
    }
    let size = channels * width * height
    guard content.count - header.pixels >= size else {
      throw fault(
        "is truncated: \(max(0, content.count - header.pixels)) bytes of pixels, not \(size)")
    }
    pixels = content[header.pixels..<(header.pixels + size)]
  }

  /// (channels, height, width). Greys become equal colours; colours become greys as ITU-R 601-2 weighs
  /// them.
  func planes(channels wanted: Int) -> [UInt8] {
    let count = width * height
    var result = [UInt8](repeating: 0, count: wanted * count)
    for i in 0..<count {
      let place = pixels.startIndex + i * channels
      if channels == wanted {
        for channel in 0..<channels { result[channel * count + i] = pixels[place + channel] }
      } else if channels == 1 {
        for channel in 0..<wanted { result[channel * count + i] = pixels[place] }
      } else {
        let sum =
          Int(pixels[place]) * 19_595 + Int(pixels[place + 1]) * 38_470
          + Int(pixels[place + 2]) * 7_471
        result[i] = UInt8((sum + 0x8000) >> 16)
      }
    }
    return result
  }
}

/// A program of the system that turns pictures into PPM.
enum PictureConverter {
  private struct Program {
    let name: String
    let arguments: @Sendable (_ path: String, _ shape: ImageShape?) -> [String]
  }

  private static let programs: [Program] =
    [
      (["magick"], ["-alpha", "off"]), (["convert"], ["-alpha", "off"]),
      (["gm", "convert"], ["+matte"]),
    ].map { command, withoutAlpha in
      Program(name: command[0]) { path, shape in
        // The first picture of a file with several.
        command + [path + "[0]"] + withoutAlpha + ["-auto-orient"] + (shape.map(magickFit) ?? [])
          + ["-depth", "8", "ppm:-"]
      }
    } + [
      Program(name: "ffmpeg") { path, shape in
        ["ffmpeg", "-v", "error", "-i", "file:" + path]
          + (shape.map { ["-vf", ffmpegFit($0)] } ?? [])
          + ["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "image2pipe", "-c:v", "ppm", "-"]
      }
    ]

  private static func magickFit(_ shape: ImageShape) -> [String] {
    let size = "\(shape.width)x\(shape.height)"
    return ["-filter", "Catrom", "-resize", size + "^", "-gravity", "center", "-extent", size]
  }

  private static func ffmpegFit(_ shape: ImageShape) -> String {
    let size = "\(shape.width):\(shape.height)"
    return "scale=\(size):force_original_aspect_ratio=increase:flags=bicubic,crop=\(size)"
  }

  static func run(_ path: String, fitting shape: ImageShape?, atMost largest: Int) throws
    -> NetpbmImage
  {
    // A name that begins with a dash, or has a colon, would be something else to them.
    let absolute = AbsolutePath.of(path)
    var failure: CifarError?
    for program in programs {
      var output: [UInt8] = []
      let result: ChildProcess.Result
      do {
        result = try ChildProcess.run(
          program.arguments(absolute, shape),
          receive: { piece in
            guard output.count + piece.count <= largest else {
              throw CifarError(.badData, "'\(path)' is too large")
            }
            try MemoryNeed.secured(2 * (output.count + piece.count), for: "the picture '\(path)'") {
              output += piece
            }
          })
      } catch let error as CifarError where error.code == .unsupported {
        continue
      }
      if result.exitCode == 0 {
        return try NetpbmImage(NetpbmHeader(output, path: path), output, path: path)
      }
      // Another may read what this one does not know.
      failure =
        failure
        ?? CifarError(
          .badData,
          "'\(path)' can't be read: \(program.name) says "
            + "\(result.lastErrorLine(or: "nothing about it"))")
    }
    throw failure
      ?? CifarError(
        .unsupported,
        "'\(path)' is no PPM or PGM of the model's size, and nothing is installed that makes one of it: "
          + "install ImageMagick, GraphicsMagick or ffmpeg, or use Python with Pillow")
  }
}
