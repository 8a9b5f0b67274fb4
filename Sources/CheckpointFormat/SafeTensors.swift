import CifarCore

/// The safetensors file format. What is written is float32, and int8 where a tensor has scales beside it
/// (`QuantizedTensor`); files of other programs may have other types too.
///
/// Eight bytes with the header's length, little-endian; a JSON header that gives each tensor's type,
/// shape and place, and under `__metadata__` strings by name; then the numbers, little-endian, one
/// tensor after the other. Source: the format section of the safetensors README.
public enum SafeTensors {
  /// The bytes of a file that holds `tensors` in the order given.
  ///
  /// - Parameter counters: scalars of 64 bits, before the tensors.
  /// - Throws: `invalidArgument` for a name given twice or numbers that do not fill their shape;
  ///   `badData` for numbers that their scales do not fit.
  public static func encode(
    _ tensors: [Tensor], counters: [(name: String, value: Int)] = [], metadata: [String: String]
  ) throws -> [UInt8] {
    var header = SafeTensorsHeader(metadata: metadata, entries: [:])
    var size = 0
    let scales = QuantizedTensor.scales(in: tensors)
    for counter in counters {
      header.entries[counter.name] = SafeTensorsHeader.Entry(
        dtype: TensorType.int64.rawValue, shape: [], dataOffsets: [size, size + 8])
      size += 8
    }
    for tensor in tensors {
      guard tensor.values.count == tensor.shape.reduce(1, *) else {
        throw CifarError(
          .invalidArgument,
          "tensor '\(tensor.name)' has \(tensor.values.count) numbers for shape \(tensor.shape)")
      }
      let type = scales[tensor.name] == nil ? TensorType.float32 : .int8
      let bytes = tensor.values.count * type.size
      let entry = SafeTensorsHeader.Entry(
        dtype: type.rawValue, shape: tensor.shape, dataOffsets: [size, size + bytes])
      guard header.entries.updateValue(entry, forKey: tensor.name) == nil else {
        throw CifarError(.invalidArgument, "two tensors are called '\(tensor.name)'")
      }
      size += bytes
    }
    var file = try header.start(reserving: size)
    for counter in counters {
      withUnsafeBytes(of: Int64(counter.value).littleEndian) { file.append(contentsOf: $0) }
    }
    for tensor in tensors {
      if let scales = scales[tensor.name] {
        file += try QuantizedTensor.bytes(tensor, scales: scales)
      } else {
        tensor.values.withUnsafeBytes { file.append(contentsOf: $0) }
      }
    }
    return file
  }

  /// The same file with another string in its metadata. What was added and is taken out again leaves
  /// the bytes that `encode` wrote.
  ///
  /// - Parameter value: nil takes the string out.
  /// - Throws: `badData` for bytes that are not such a file, `outOfMemory`.
  public static func setting(
    _ name: String, to value: String?, in bytes: [UInt8]
  ) throws -> [UInt8] {
    let added = (value?.utf8.count ?? 0) * 2
    return try MemoryNeed.secured(bytes.count + added + (1 << 17), for: "the bytes of a file") {
      var (header, first) = try SafeTensorsHeader.read(bytes)
      header.metadata[name] = value
      var file = try header.start(reserving: bytes.count - first)
      file += bytes[first...]
      return file
    }
  }

  /// Examines the beginning of a file before the rest of it is read.
  ///
  /// - Parameter size: the file's; nil if it is not known.
  /// - Throws: `badData` for what is not such a file.
  public static func checkStart(_ bytes: [UInt8], size: Int?) throws {
    try SafeTensorsHeader.checkStart(bytes, size: size)
  }

  /// The strings of a file by their names.
  /// - Throws: `badData` for bytes that are not such a file.
  public static func metadata(of bytes: [UInt8]) throws -> [String: String] {
    try SafeTensorsHeader.read(bytes).header.metadata
  }

  /// Reads a file.
  ///
  /// - Throws: `badData` for bytes that are not such a file, `unsupported` for other types than
  ///   float32, `outOfMemory`.
  public static func decode(
    _ bytes: [UInt8]
  ) throws -> (tensors: [Tensor], metadata: [String: String]) {
    // The numbers, and a header that is small beside them.
    try MemoryNeed.secured(bytes.count + (1 << 16), for: "the tensors") {
      try parse(bytes, types: [.float32])
    }
  }

  /// Reads a file of any program, whose numbers become float32.
  ///
  /// - Throws: likewise; `unsupported` for other types than F32, F16, BF16, F64, I64 and I8.
  public static func decodeConverting(
    _ bytes: [UInt8]
  ) throws -> (tensors: [Tensor], metadata: [String: String]) {
    // Those of one byte become four.
    try MemoryNeed.secured(4 * bytes.count + (1 << 16), for: "the tensors") {
      try parse(bytes, types: Set(TensorType.allCases))
    }
  }

  private static func parse(
    _ bytes: [UInt8], types: Set<TensorType>
  ) throws -> (tensors: [Tensor], metadata: [String: String]) {
    let (header, start) = try SafeTensorsHeader.read(bytes)
    var placed: [(begin: Int, end: Int, tensor: Tensor)] = []
    for (name, entry) in header.entries {
      try MemoryNeed.checkReserve()
      let tensor = try tensor(name, entry, in: bytes[start...], types: types)
      placed.append((entry.dataOffsets[0], entry.dataOffsets[1], tensor))
    }
    // Empty ones before others at the same place, and all in an order of their own.
    placed.sort {
      ($0.begin, $0.tensor.values.count, $0.tensor.name)
        < ($1.begin, $1.tensor.values.count, $1.tensor.name)
    }
    // The format allows neither overlaps nor bytes that belong to nobody.
    var end = 0
    for (begin, next, tensor) in placed {
      guard begin == end else {
        throw SafeTensorsHeader.notOne(
          "tensor '\(tensor.name.excerpt)' does not begin where the one before it ends")
      }
      end = next
    }
    guard end == bytes.count - start else {
      throw SafeTensorsHeader.notOne(
        "its last \(bytes.count - start - end) bytes belong to no tensor")
    }
    let quantized = Set(
      header.entries.filter { $0.value.dtype == TensorType.int8.rawValue }.map(\.key))
    return (
      try QuantizedTensor.dequantized(placed.map(\.tensor), quantized), header.metadata
    )
  }

  private static func tensor(
    _ name: String, _ entry: SafeTensorsHeader.Entry, in data: ArraySlice<UInt8>,
    types: Set<TensorType>
  ) throws -> Tensor {
    guard let type = TensorType(rawValue: entry.dtype), types.contains(type) else {
      throw CifarError(
        .unsupported,
        "tensor '\(name.excerpt)' is \(entry.dtype.excerpt); only \(TensorType.list(types)) can be "
          + "read")
    }
    var count = 1
    for dimension in entry.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow, product <= data.count else {
        throw SafeTensorsHeader.notOne(
          "the shape \("\(entry.shape)".excerpt) of tensor '\(name.excerpt)' is larger than the file"
        )
      }
      count = product
    }
    guard entry.dataOffsets.count == 2, entry.dataOffsets[0] >= 0,
      entry.dataOffsets[1] >= entry.dataOffsets[0], entry.dataOffsets[1] <= data.count,
      entry.dataOffsets[1] - entry.dataOffsets[0] == count * type.size
    else {
      throw SafeTensorsHeader.notOne("tensor '\(name.excerpt)' does not lie where its header says")
    }
    let first = data.startIndex + entry.dataOffsets[0]
    // Swift writes the count of an empty array into the one that all empty arrays are.
    if count == 0 { return Tensor(name: name, shape: entry.shape, values: []) }
    let values = data[first..<(first + count * type.size)].withUnsafeBytes(type.floats)
    return Tensor(name: name, shape: entry.shape, values: values)
  }
}
