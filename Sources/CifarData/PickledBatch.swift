import CifarCore

/// Reads one batch of CIFAR-10's python version.
///
/// That is a pickle of protocol 2, written by Python 2 and NumPy. This reader knows the opcodes
/// that those files use and no others, builds plain values, and calls nothing: a `GLOBAL` is a name
/// and a `REDUCE` of NumPy's array constructor is an array; every other one is an error.
///
/// Source: Python's `pickletools` documentation of the opcodes.
struct PickledBatch {
  /// Where the pixels lie in the file.
  private(set) var pixels = 0..<0
  private(set) var rows = 0
  private(set) var columns = 0
  private(set) var labels: [Int] = []

  /// - Parameter name: the list of labels to take.
  init(_ bytes: [UInt8], path: String, labels name: String = "labels") throws {
    var reader = PickleReader(bytes: bytes, path: path)
    guard case .dictionary(let entries) = try reader.read() else {
      throw reader.failure("it does not hold a dictionary")
    }
    guard case .list(let items)? = entries[name] else {
      throw reader.failure("it has no list '\(name)'")
    }
    labels = try items.values.map { item in
      guard case .integer(let label) = item else {
        throw reader.failure("a label is not an integer")
      }
      return label
    }
    guard case .array(let array)? = entries["data"] else {
      throw reader.failure("it has no array 'data'")
    }
    guard array.shape.count == 2, array.type == "u1", !array.fortranOrder,
      array.shape[0] >= 0, array.shape[1] >= 0,
      array.shape[0].multipliedReportingOverflow(by: array.shape[1])
        == (array.bytes.count, false)
    else {
      throw reader.failure("its 'data' is not a two-dimensional array of bytes, rows first")
    }
    rows = array.shape[0]
    columns = array.shape[1]
    pixels = array.bytes
  }
}

/// The values that such a pickle can build.
private indirect enum PickleValue {
  case none
  case boolean(Bool)
  case integer(Int)
  /// A string, as its place in the file.
  case string(Range<Int>)
  case tuple([PickleValue])
  case list(PickleList)
  case dictionary([String: PickleValue])
  /// module and name
  case global(String)
  case array(PickleArray)
  case type(String)
  case mark
}

/// A list is filled after it has been remembered.
private final class PickleList {
  var values: [PickleValue] = []
}

private final class PickleArray {
  var shape: [Int] = []
  var type = ""
  var fortranOrder = false
  var bytes = 0..<0
}

private struct PickleReader {
  let bytes: [UInt8]
  let path: String
  private var position = 0
  private var stack: [PickleValue] = []
  private var memo: [Int: PickleValue] = [:]
  private var containers = 0

  /// Tuples, lists and dictionaries that a file may have; the published ones have nine. Values nested
  /// without end would exhaust the stack when they are released.
  private static let mostContainers = 100

  init(bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  func failure(_ reason: String) -> CifarError {
    CifarError(
      .badData, "'\(path)' is not a batch of CIFAR-10's python version: \(reason); get it anew")
  }

  mutating func read() throws -> PickleValue {
    while true {
      let place = position
      let opcode = try byte()
      switch opcode {
      case 0x80:  // PROTO
        guard try byte() == 2 else { throw failure("its protocol is not 2") }
      case UInt8(ascii: "}"): try push(.dictionary([:]))
      case UInt8(ascii: "]"): try push(.list(PickleList()))
      case UInt8(ascii: "("): stack.append(.mark)
      case UInt8(ascii: "N"): stack.append(.none)
      case 0x88: stack.append(.boolean(true))
      case 0x89: stack.append(.boolean(false))
      case UInt8(ascii: "K"): stack.append(.integer(Int(try byte())))
      case UInt8(ascii: "M"): stack.append(.integer(try littleEndian(2)))
      case UInt8(ascii: "J"):
        let word = UInt32(truncatingIfNeeded: try littleEndian(4))
        stack.append(.integer(Int(Int32(bitPattern: word))))
      case UInt8(ascii: "U"): stack.append(.string(try take(Int(try byte()))))
      case UInt8(ascii: "T"):
        let length = try littleEndian(4)
        stack.append(.string(try take(length)))
      case UInt8(ascii: "q"): memo[Int(try byte())] = try top()
      case UInt8(ascii: "r"): memo[try littleEndian(4)] = try top()
      case UInt8(ascii: "h"): try recall(Int(try byte()))
      case UInt8(ascii: "j"): try recall(try littleEndian(4))
      case UInt8(ascii: "c"):
        let module = try line()
        stack.append(.global("\(module).\(try line())"))
      case 0x85: try makeTuple(1)
      case 0x86: try makeTuple(2)
      case 0x87: try makeTuple(3)
      case UInt8(ascii: "t"): try push(.tuple(try popMark()))
      case UInt8(ascii: "R"): try reduce()
      case UInt8(ascii: "b"): try build()
      case UInt8(ascii: "a"):
        let value = try pop()
        try list().values.append(value)
      case UInt8(ascii: "e"):
        let values = try popMark()
        try list().values += values
      case UInt8(ascii: "s"):
        let value = try pop()
        try setItems([try pop(), value])
      case UInt8(ascii: "u"): try setItems(try popMark())
      case UInt8(ascii: "."):
        let value = try pop()
        guard stack.isEmpty else { throw failure("values are left over at its end") }
        guard position == bytes.count else { throw failure("bytes follow its end") }
        return value
      default:
        let hexadecimal = String(opcode, radix: 16)
        throw failure("opcode 0x\(hexadecimal) at byte \(place) is none of those it may have")
      }
    }
  }

  // MARK: Bytes

  private mutating func byte() throws -> UInt8 {
    guard position < bytes.count else { throw failure("it ends after \(bytes.count) bytes") }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func littleEndian(_ count: Int) throws -> Int {
    var value = 0
    for shift in 0..<count { value |= Int(try byte()) << (8 * shift) }
    return value
  }

  private mutating func take(_ count: Int) throws -> Range<Int> {
    guard count <= bytes.count - position else {
      throw failure("it ends after \(bytes.count) bytes, in the middle of a string")
    }
    defer { position += count }
    return position..<(position + count)
  }

  private mutating func line() throws -> String {
    let start = position
    while try byte() != UInt8(ascii: "\n") {}
    return String(decoding: bytes[start..<(position - 1)], as: UTF8.self)
  }

  private func text(_ value: PickleValue) -> String? {
    guard case .string(let range) = value else { return nil }
    return String(decoding: bytes[range], as: UTF8.self)
  }

  // MARK: Stack

  private mutating func push(_ container: PickleValue) throws {
    containers += 1
    guard containers <= PickleReader.mostContainers else {
      throw failure("its values are nested too deeply")
    }
    stack.append(container)
  }

  private mutating func pop() throws -> PickleValue {
    guard let value = stack.popLast() else { throw failure("a value is missing") }
    if case .mark = value { throw failure("a value is missing") }
    return value
  }

  private func top() throws -> PickleValue {
    guard let value = stack.last else { throw failure("a value is missing") }
    return value
  }

  private mutating func popMark() throws -> [PickleValue] {
    guard
      let mark = stack.lastIndex(where: { if case .mark = $0 { true } else { false } })
    else { throw failure("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[(mark + 1)...])
  }

  private mutating func makeTuple(_ count: Int) throws {
    var values: [PickleValue] = []
    for _ in 0..<count { values.insert(try pop(), at: 0) }
    try push(.tuple(values))
  }

  private mutating func recall(_ index: Int) throws {
    guard let value = memo[index] else { throw failure("it recalls what it has not stored") }
    stack.append(value)
  }

  private func list() throws -> PickleList {
    guard case .list(let list)? = stack.last else { throw failure("it appends to no list") }
    return list
  }

  private mutating func setItems(_ items: [PickleValue]) throws {
    guard case .dictionary(var entries)? = stack.popLast(), items.count % 2 == 0 else {
      throw failure("it sets an item of no dictionary")
    }
    for index in stride(from: 0, to: items.count, by: 2) {
      guard let key = text(items[index]) else { throw failure("a key is not a string") }
      entries[key] = items[index + 1]
    }
    stack.append(.dictionary(entries))
  }

  // MARK: The two things NumPy calls

  private mutating func reduce() throws {
    let arguments = try pop()
    guard case .global(let name) = try pop(), case .tuple(let values) = arguments else {
      throw failure("it calls something that is no name")
    }
    switch name {
    case "numpy.core.multiarray._reconstruct": stack.append(.array(PickleArray()))
    case "numpy.dtype":
      guard let type = values.first.flatMap(text) else { throw failure("a dtype has no name") }
      stack.append(.type(type))
    default: throw failure("it calls \(name)")
    }
  }

  /// Gives an array its shape, type, order and bytes; a type's state says nothing new.
  private mutating func build() throws {
    let state = try pop()
    switch try top() {
    case .type: return
    case .array(let array):
      guard case .tuple(let parts) = state, parts.count == 5,
        case .tuple(let shape) = parts[1], case .type(let type) = parts[2],
        case .boolean(let fortranOrder) = parts[3], case .string(let data) = parts[4]
      else { throw failure("an array's state is not what NumPy writes") }
      array.shape = try shape.map { dimension in
        guard case .integer(let size) = dimension else {
          throw failure("an array's shape is not made of integers")
        }
        return size
      }
      array.type = type
      array.fortranOrder = fortranOrder
      array.bytes = data
    default: throw failure("it builds something that is no array")
    }
  }
}
