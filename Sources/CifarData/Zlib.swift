import CifarCore
import Glibc

/// The system's zlib, for data sets that are published in its formats.
///
/// It is loaded when it is needed: nothing else depends on it.
enum Zlib {
  private typealias Open =
    @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?)
    -> OpaquePointer?
  private typealias Read =
    @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UInt32) -> Int32
  private typealias Close = @convention(c) (OpaquePointer?) -> Int32
  private typealias Uncompress =
    @convention(c) (
      UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt>?, UnsafePointer<UInt8>?, UInt
    ) -> Int32

  private struct Functions: Sendable {
    let open: Open
    let read: Read
    let close: Close
    let uncompress: Uncompress

    init?() {
      guard let library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL),
        let open = dlsym(library, "gzopen"), let read = dlsym(library, "gzread"),
        let close = dlsym(library, "gzclose"), let uncompress = dlsym(library, "uncompress")
      else { return nil }
      self.open = unsafeBitCast(open, to: Open.self)
      self.read = unsafeBitCast(read, to: Read.self)
      self.close = unsafeBitCast(close, to: Close.self)
      self.uncompress = unsafeBitCast(uncompress, to: Uncompress.self)
    }
  }

  /// It stays loaded once it is.
  private static let functions = Functions()

  private static func functions(for path: String) throws -> Functions {
    guard let functions else {
      throw CifarError(
        .unsupported,
        "'\(path)' is packed, and there is no zlib to unpack it: install libz.so.1 (Debian's zlib1g)"
      )
    }
    return functions
  }

  /// What is in a file that gzip packed.
  ///
  /// - Throws: `notFound`, `io`, `unsupported`; `badData` for a damaged file, or one that holds more
  ///   than `largest` bytes.
  static func unpackedFile(_ path: String, atMost largest: Int) throws -> [UInt8] {
    // Says what is wrong with a file that is none.
    let packed = try DataFile(path).size
    let functions = try functions(for: path)
    guard let file = functions.open(path, "rb") else {
      throw CifarError(.io, "can't open '\(path)': \(String(cString: strerror(errno)))")
    }
    defer { _ = functions.close(file) }
    var content: [UInt8] = []
    let size = 1 << 20
    let piece = try AlignedBuffer<UInt8>(count: size)
    while true {
      let count = Int(functions.read(file, piece.pointer, UInt32(size)))
      guard count >= 0 else {
        throw CifarError(.badData, "'\(path)' is damaged: zlib can't unpack it; download it again")
      }
      if count == 0 { break }
      guard content.count + count <= largest else {
        throw CifarError(
          .badData, "'\(path)' holds more than \(largest) bytes: that is no file of the data set")
      }
      try MemoryNeed.secured(2 * (content.count + count), for: "the bytes of '\(path)'") {
        content += UnsafeBufferPointer(start: piece.pointer, count: count)
      }
    }
    guard !content.isEmpty || packed == 0 else {
      throw CifarError(.badData, "'\(path)' is damaged: nothing is in it; download it again")
    }
    return content
  }

  /// The first `count` bytes of what a zlib stream holds, or all.
  ///
  /// - Returns: fewer where there are not as many.
  /// - Throws: `unsupported`, `outOfMemory`; `badData` for a damaged stream.
  static func unpacked(
    _ stream: UnsafeBufferPointer<UInt8>, atMost count: Int, of path: String
  ) throws -> [UInt8] {
    let functions = try functions(for: path)
    return try MemoryNeed.secured(count + 64, for: "what is packed in '\(path)'") {
      var result = [UInt8](repeating: 0, count: count)
      var size = UInt(count)
      let status = functions.uncompress(&result, &size, stream.baseAddress, UInt(stream.count))
      // There is more than was asked for.
      let bufferError: Int32 = -5
      guard status == 0 || status == bufferError && Int(size) == count else {
        throw CifarError(
          .badData, "'\(path)' is damaged: zlib can't unpack it; download it again")
      }
      result.removeLast(count - Int(size))
      return result
    }
  }
}
