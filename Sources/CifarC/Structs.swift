import CifarCore
import Glibc

/// A struct that begins with `struct_size` and grows at its end: what the caller's version has and
/// the library's has not, and the other way round, meets in `GrowingStruct`.
protocol Growing {
  /// Every field, in order.
  static var layout: StructLayout { get }
}

/// Where the fields of a struct lie.
struct StructLayout: Sendable {
  private let fields: [Range<Int>]

  init<Struct, each Value>(of type: Struct.Type, _ fields: repeat KeyPath<Struct, each Value>) {
    func extent<Field>(_ field: KeyPath<Struct, Field>) -> Range<Int>? {
      MemoryLayout<Struct>.offset(of: field).map { $0..<($0 + MemoryLayout<Field>.size) }
    }
    var extents: [Range<Int>?] = []
    repeat extents.append(extent(each fields))
    self.fields = extents.compactMap { $0 }
  }

  /// No version of a struct ends inside a field.
  func canEnd(at size: Int) -> Bool {
    !fields.contains { $0.lowerBound < size && size < $0.upperBound }
  }
}

enum GrowingStruct {
  /// Less than any struct ever had, more than any will have.
  private static let plausibleSizes = 8...4096

  private static func isPlausible<Struct: Growing>(_ size: Int, _ type: Struct.Type) -> Bool {
    plausibleSizes.contains(size) && type.layout.canEnd(at: size)
  }

  /// Fills a struct of the caller's size; of a larger one the rest becomes 0.
  static func write<Struct: Growing>(
    _ value: Struct, to destination: UnsafeMutablePointer<Struct>?, size: Int, _ name: String
  ) throws {
    let destination = UnsafeMutableRawPointer(try Argument.required(destination, name))
    try check(size, of: Struct.self, name)
    let known = min(size, MemoryLayout<Struct>.size)
    let target = UnsafeMutableRawBufferPointer(start: destination, count: size)
    withUnsafeBytes(of: value) {
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(known)))
    }
    memset(destination + known, 0, size - known)
    withUnsafeBytes(of: UInt32(size)) { target.copyMemory(from: $0) }
  }

  /// - Throws: `invalidArgument` for a size that no version of the struct has.
  static func check<Struct: Growing>(
    _ size: Int, of struct: Struct.Type, _ name: String
  ) throws {
    guard isPlausible(size, Struct.self) else {
      throw CifarError(
        .invalidArgument,
        "the size of \(name), \(size), is not a sizeof of it; this version's is "
          + "\(MemoryLayout<Struct>.size)")
    }
  }

  /// Reads options of the caller's size; what its version does not have stays as in `defaults`.
  ///
  /// - Throws: `unsupported` if a newer caller sets something that this library does not know.
  static func read<Struct: Growing>(
    _ source: UnsafePointer<Struct>?, defaults: Struct, _ name: String
  ) throws -> Struct {
    guard let source else { return defaults }
    let bytes = UnsafeRawPointer(source)
    let size = Int(bytes.loadUnaligned(as: UInt32.self))
    guard isPlausible(size, Struct.self) else {
      throw CifarError(
        .invalidArgument,
        "\(name).struct_size is \(size): fill the struct with its init function first")
    }
    let known = min(size, MemoryLayout<Struct>.size)
    for offset in known..<size where bytes.load(fromByteOffset: offset, as: UInt8.self) != 0 {
      throw CifarError(
        .unsupported,
        "\(name) has a field set that libcifar \(LibraryVersion.string) does not know; "
          + "use a newer library")
    }
    var result = defaults
    withUnsafeMutableBytes(of: &result) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: known))
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
