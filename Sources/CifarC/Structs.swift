import CifarCore
import Glibc

/// Structs that grow: what the caller's version has and the library's has not, and the other way
/// round, meets here. All begin with `struct_size`.
enum GrowingStruct {
  /// Less than any struct ever had, more than any will have.
  private static let plausibleSizes = 8...4096

  /// Fills a struct of the caller's size; of a larger one the rest becomes 0.
  static func write<Struct>(
    _ value: Struct, to destination: UnsafeMutablePointer<Struct>?, size: Int, _ name: String
  ) throws {
    let destination = UnsafeMutableRawPointer(try Argument.required(destination, name))
    guard plausibleSizes.contains(size) else {
      throw CifarError(.invalidArgument, "the size of \(name), \(size), is not a sizeof of it")
    }
    let known = min(size, MemoryLayout<Struct>.size)
    withUnsafeBytes(of: value) { destination.copyMemory(from: $0.baseAddress!, byteCount: known) }
    memset(destination + known, 0, size - known)
    destination.storeBytes(of: UInt32(size), as: UInt32.self)
  }

  /// Reads options of the caller's size; what its version does not have stays as in `defaults`.
  ///
  /// - Throws: `unsupported` if a newer caller sets something that this library does not know.
  static func read<Struct>(
    _ source: UnsafePointer<Struct>?, defaults: Struct, _ name: String
  ) throws -> Struct {
    guard let source = source.map(UnsafeRawPointer.init) else { return defaults }
    let size = Int(source.load(as: UInt32.self))
    guard plausibleSizes.contains(size) else {
      throw CifarError(
        .invalidArgument,
        "\(name).struct_size is \(size): fill the struct with its init function first")
    }
    let known = min(size, MemoryLayout<Struct>.size)
    for offset in known..<size where source.load(fromByteOffset: offset, as: UInt8.self) != 0 {
      throw CifarError(
        .unsupported,
        "\(name) has a field set that libcifar \(LibraryVersion.string) does not know; "
          + "use a newer library")
    }
    var result = defaults
    withUnsafeMutableBytes(of: &result) {
      $0.baseAddress!.copyMemory(from: source, byteCount: known)
    }
    return result
  }
}

/// C strings that live as long as the object that holds them.
final class StringKeeper {
  private var strings: [UnsafeMutablePointer<CChar>] = []

  deinit { for string in strings { free(string) } }

  func keep(_ text: String) -> UnsafePointer<CChar>? {
    guard let copy = strdup(text) else { return nil }
    strings.append(copy)
    return UnsafePointer(copy)
  }

  func keep(_ text: String?) -> UnsafePointer<CChar>? {
    text.flatMap { keep($0) as UnsafePointer? }
  }
}

/// A string that is never freed, for names that belong to the library.
func immortal(_ text: String) -> UnsafePointer<CChar> {
  guard let copy = strdup(text) else { return UnsafePointer(LibraryStrings.empty) }
  return UnsafePointer(copy)
}

enum LibraryStrings {
  nonisolated(unsafe) static let empty: UnsafeMutablePointer<CChar> = {
    let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
    pointer.pointee = 0
    return pointer
  }()
}
