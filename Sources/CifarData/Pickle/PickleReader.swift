import CifarCore

/// Builds the value that a pickle describes, and calls nothing while it does: a function is one of
/// `PickleFunction`, anything else is an error.
///
/// Each opcode makes a bounded number of values and moves each value at most once, so time and
/// memory are linear in the file's size.
struct PickleReader {
  let bytes: [UInt8]
  let path: String
  private(set) var heap = PickleHeap()
  private var position = 0
  private var stack: [PickleValue] = []
  /// Where on the stack the values after each open mark begin.
  private var marks: [Int] = []
  private var memo: [UInt32: PickleValue] = [:]

  private let mostOpcodes: Int

  /// - Parameter mostOpcodes: a batch of CIFAR-100 that Python 3 wrote in protocol 2 has two million
  ///   at the most.
  init(bytes: [UInt8], path: String, mostOpcodes: Int = 1 << 22) {
    self.bytes = bytes
    self.path = path
    self.mostOpcodes = mostOpcodes
  }

  func failure(_ reason: String) -> CifarError {
    CifarError(
      .badData,
      "'\(path)' is not a batch of CIFAR-10's python version: \(reason); download it again")
  }

  /// - Throws: `badData` for what is not such a pickle.
  mutating func read() throws -> PickleValue {
    guard bytes.count <= Int(UInt32.max) else { throw failure("it is larger than 4 GB") }
    guard bytes.first == PickleOpcode.proto.rawValue else {
      throw failure(bytes.isEmpty ? "it is empty" : "it is no pickle of protocol 2 or above")
    }
    for _ in 0..<mostOpcodes {
      let place = position
      let code = try byte()
      guard let opcode = PickleOpcode(rawValue: code) else {
        let hexadecimal = String(code, radix: 16)
        throw failure("opcode 0x\(hexadecimal) at byte \(place) is none of those it may have")
      }
      if opcode == .stop { return try end() }
      try perform(opcode)
    }
    throw failure("it has more than \(mostOpcodes) opcodes")
  }

  private mutating func end() throws -> PickleValue {
    let value = try pop()
    guard stack.isEmpty, marks.isEmpty else { throw failure("values are left over at its end") }
    guard position == bytes.count else { throw failure("bytes follow its end") }
    return value
  }

  private mutating func perform(_ opcode: PickleOpcode) throws {
    switch opcode {
    case .proto:
      let version = try byte()
      guard (2...5).contains(version) else {
        throw failure("its protocol \(version) is not in 2 to 5")
      }
    case .frame: _ = try length(8)
    case .stop: break

    case .none: stack.append(.none)
    case .newTrue: stack.append(.boolean(true))
    case .newFalse: stack.append(.boolean(false))
    case .binInt: stack.append(.integer(try integer(4, isSigned: true)))
    case .binInt1: stack.append(.integer(try integer(1)))
    case .binInt2: stack.append(.integer(try integer(2)))
    case .long1:
      let count = Int(try byte())
      if count <= 8 {
        stack.append(.integer(try integer(count, isSigned: true)))
      } else {
        _ = try take(count)
        stack.append(.other)
      }
    case .binFloat:
      _ = try take(8)
      stack.append(.other)

    case .shortBinString, .shortBinBytes: stack.append(.bytes(try take(try length(1))))
    case .binString, .binBytes: stack.append(.bytes(try take(try length(4))))
    case .binBytes8, .byteArray8: stack.append(.bytes(try take(try length(8))))
    case .shortBinUnicode: stack.append(.text(try take(try length(1))))
    case .binUnicode: stack.append(.text(try take(try length(4))))
    case .binUnicode8: stack.append(.text(try take(try length(8))))

    case .mark: marks.append(stack.count)
    case .emptyTuple: try makeTuple(0)
    case .tuple1: try makeTuple(1)
    case .tuple2: try makeTuple(2)
    case .tuple3: try makeTuple(3)
    case .tuple: try makeTuple(stack.count - (try popMark()))
    case .emptyList:
      stack.append(.list(UInt32(heap.lists.count)))
      heap.lists.append([])
    case .append: try append(1)
    case .appends: try append(stack.count - (try popMark()))
    case .emptyDict:
      stack.append(.dictionary(UInt32(heap.dictionaries.count)))
      heap.dictionaries.append([])
    case .setItem: try setItems(2)
    case .setItems: try setItems(stack.count - (try popMark()))

    case .binPut: memo[UInt32(try byte())] = try top()
    case .longBinPut: memo[UInt32(try length(4))] = try top()
    case .memoize: memo[UInt32(memo.count)] = try top()
    case .binGet: try recall(UInt32(try byte()))
    case .longBinGet: try recall(UInt32(try length(4)))

    case .global: try global(module: try line(), name: try line())
    case .stackGlobal:
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw failure("a global's name is no text")
      }
      try global(module: excerpt(module), name: excerpt(name))
    case .reduce: try reduce()
    case .build: try build()
    }
  }

  // MARK: Bytes

  private mutating func byte() throws -> UInt8 {
    guard position < bytes.count else { throw failure("it ends after \(bytes.count) bytes") }
    defer { position += 1 }
    return bytes[position]
  }

  /// A little-endian number of up to 8 bytes.
  private mutating func integer(_ count: Int, isSigned: Bool = false) throws -> Int {
    PickleReader.integer(bytes[try take(count).range], isSigned: isSigned)
  }

  private static func integer(_ bytes: some BidirectionalCollection<UInt8>, isSigned: Bool) -> Int {
    let isNegative = isSigned && (bytes.last ?? 0) >= 0x80
    return bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) }
  }

  /// A count of bytes, which must not be more than are left.
  private mutating func length(_ count: Int) throws -> Int {
    let value = try integer(count)
    guard value >= 0 else { throw failure("a length of 2^63 or more bytes") }
    return value
  }

  private mutating func take(_ count: Int) throws -> PickleBytes {
    guard count <= bytes.count - position else {
      throw failure("it ends after \(bytes.count) bytes, in the middle of a value")
    }
    defer { position += count }
    return PickleBytes(start: UInt32(position), length: UInt32(count))
  }

  private mutating func line() throws -> String {
    let start = position
    while try byte() != UInt8(ascii: "\n") {}
    let range = PickleBytes(start: UInt32(start), length: UInt32(position - 1 - start))
    return excerpt(range)
  }

  /// As much of a name as one needs.
  private func excerpt(_ name: PickleBytes) -> String {
    String(decoding: bytes[name.range].prefix(80), as: UTF8.self)
  }

  // MARK: Stack

  /// How many values may be taken before a mark is met.
  private var available: Int { stack.count - (marks.last ?? 0) }

  private mutating func pop() throws -> PickleValue {
    guard available > 0, let value = stack.popLast() else { throw failure("a value is missing") }
    return value
  }

  private func top() throws -> PickleValue {
    guard available > 0, let value = stack.last else { throw failure("a value is missing") }
    return value
  }

  /// - Returns: where the values after the mark begin.
  private mutating func popMark() throws -> Int {
    guard let mark = marks.popLast() else { throw failure("a mark is missing") }
    return mark
  }

  private mutating func makeTuple(_ count: Int) throws {
    guard count <= available else { throw failure("a value is missing") }
    let value = PickleValue.tuple(start: UInt32(heap.elements.count), count: UInt32(count))
    heap.elements += stack.suffix(count)
    stack.removeLast(count)
    stack.append(value)
  }

  private mutating func append(_ count: Int) throws {
    guard count < available, case .list(let index) = stack[stack.count - count - 1] else {
      throw failure("it appends to no list")
    }
    heap.lists[Int(index)] += stack.suffix(count)
    stack.removeLast(count)
  }

  private mutating func setItems(_ count: Int) throws {
    guard count < available, count % 2 == 0,
      case .dictionary(let index) = stack[stack.count - count - 1]
    else { throw failure("it sets an item of no dictionary") }
    let first = stack.count - count
    for place in stride(from: first, to: stack.count, by: 2) {
      heap.dictionaries[Int(index)].append((stack[place], stack[place + 1]))
    }
    stack.removeLast(count)
  }

  private mutating func recall(_ index: UInt32) throws {
    guard let value = memo[index] else { throw failure("it recalls what it has not stored") }
    stack.append(value)
  }

  // MARK: Calls

  private mutating func global(module: String, name: String) throws {
    if let function = PickleFunction(module: module, name: name) {
      stack.append(.function(function))
    } else if module == "numpy", name == "ndarray" {
      stack.append(.name)
    } else {
      throw failure("it refers to \(module).\(name), which no batch needs")
    }
  }

  private mutating func reduce() throws {
    guard case .tuple(let start, let count) = try pop(), case .function(let function) = try pop()
    else { throw failure("it calls something that is no function") }
    let arguments = try parts(start, count)
    switch function {
    case .emptyArray:
      stack.append(.array(UInt32(heap.arrays.count)))
      heap.arrays.append(PickleHeap.Array())
    case .arrayFromBuffer: try arrayFromBuffer(arguments)
    case .type:
      guard let first = arguments.first, let name = shortText(first) else {
        throw failure("a dtype has no name")
      }
      stack.append(.type(UInt32(heap.types.count)))
      heap.types.append(PickleHeap.NumberType(name: name))
    case .scalar:
      guard count == 2, case .type(let type) = arguments[0],
        case .bytes(let place) = arguments[1]
      else { throw failure("a NumPy number is not what NumPy writes") }
      stack.append(scalar(heap.types[Int(type)], place))
    case .encode:
      guard count == 2, case .text(var place) = arguments[0],
        ["latin1", "latin-1"].contains(shortText(arguments[1]))
      else { throw failure("it encodes something else than a text in Latin-1") }
      place.isLatin1 = true
      stack.append(.bytes(place))
    case .bytes:
      guard count == 0 else { throw failure("it calls bytes with arguments") }
      stack.append(.bytes(PickleBytes(start: 0, length: 0)))
    }
  }

  /// What a function or a state is made of: a few values, since a long tuple could be recalled for
  /// every call.
  private func parts(_ start: UInt32, _ count: UInt32) throws -> [PickleValue] {
    guard count <= 16 else { throw failure("\(count) arguments") }
    return (Int(start)..<(Int(start) + Int(count))).map { heap.elements[$0] }
  }

  /// A text or bytes that are short enough for a name.
  func shortText(_ value: PickleValue) -> String? {
    switch value {
    case .text(let place), .bytes(let place):
      guard place.length <= 80 else { return nil }
      return String(decoding: bytes[place.range], as: UTF8.self)
    default: return nil
    }
  }

  private func scalar(_ type: PickleHeap.NumberType, _ place: PickleBytes) -> PickleValue {
    // Eight bytes take sixteen in UTF-8.
    guard place.length <= 16, let raw = PickleLatin1.decoded(place, of: bytes),
      let number = type.integers(raw)?.first
    else { return .other }
    return .integer(number)
  }

  private mutating func arrayFromBuffer(_ arguments: [PickleValue]) throws {
    guard arguments.count == 4, case .bytes(let data) = arguments[0],
      case .type(let type) = arguments[1], case .tuple(let start, let count) = arguments[2],
      let order = shortText(arguments[3]), ["C", "F"].contains(order)
    else { throw failure("an array's buffer is not what NumPy writes") }
    stack.append(.array(UInt32(heap.arrays.count)))
    heap.arrays.append(
      PickleHeap.Array(
        shape: try shape(start, count), type: type, isFortranOrder: order == "F", bytes: data))
  }

  /// Gives an array its shape, type, order and bytes, or a type its byte order.
  private mutating func build() throws {
    guard case .tuple(let start, let count) = try pop() else {
      throw failure("a state is not what NumPy writes")
    }
    let state = try parts(start, count)
    switch try top() {
    case .type(let type):
      guard state.count > 1, let order = shortText(state[1]) else {
        throw failure("a dtype's state is not what NumPy writes")
      }
      heap.types[Int(type)].isBigEndian = order == ">"
    case .array(let array):
      guard state.count == 5, case .tuple(let start, let count) = state[1],
        case .type(let type) = state[2], case .boolean(let isFortranOrder) = state[3],
        case .bytes(let data) = state[4]
      else { throw failure("an array's state is not what NumPy writes") }
      heap.arrays[Int(array)] = PickleHeap.Array(
        shape: try shape(start, count), type: type, isFortranOrder: isFortranOrder, bytes: data)
    default: throw failure("it builds something that is no array")
    }
  }

  /// NumPy's arrays have up to 64 dimensions.
  private func shape(_ start: UInt32, _ count: UInt32) throws -> [Int] {
    guard count <= 64 else { throw failure("an array of \(count) dimensions") }
    return try heap.elements[Int(start)..<(Int(start) + Int(count))].map { dimension in
      guard case .integer(let size) = dimension, size >= 0 else {
        throw failure("an array's shape is not made of counts")
      }
      return size
    }
  }
}
