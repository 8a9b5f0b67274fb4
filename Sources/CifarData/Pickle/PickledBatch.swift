import CifarCore

/// One batch of CIFAR's python version: a pickled dictionary with an array `data` and labels.
///
/// The published files were written by Python 2 in protocol 2; those that Python 3 wrote again, in
/// protocols 2 to 5 and with either NumPy, are read too. Keys may be texts or bytes, labels a list of
/// integers (Python's or NumPy's) or an array of them.
package struct PickledBatch {
  /// (rows, columns) bytes.
  package let pixels: ArraySlice<UInt8>
  package let rows: Int
  package let columns: Int
  package let labels: [Int]

  /// - Parameters:
  ///   - path: what errors call it.
  ///   - labels: the entry with the labels to take.
  /// - Throws: `badData` for anything else; what is made meanwhile is in proportion to `bytes`.
  package init(_ bytes: [UInt8], path: String, labels name: String = "labels") throws {
    var reader = PickleReader(bytes: bytes, path: path)
    guard case .dictionary(let index) = try reader.read() else {
      throw reader.failure("it does not hold a dictionary")
    }
    let entries = reader.heap.dictionaries[Int(index)]
    func entry(_ key: String) -> PickleValue? {
      entries.last { reader.shortText($0.key) == key }?.value
    }
    labels = try PickledBatch.labels(entry(name), name, reader)
    guard case .array(let place)? = entry("data") else {
      throw reader.failure("it has no array 'data'")
    }
    let array = reader.heap.arrays[Int(place)]
    guard array.shape.count == 2, let type = array.type, !array.isFortranOrder,
      reader.heap.types[Int(type)].name == "u1",
      let content = PickleLatin1.decoded(array.bytes, of: bytes),
      array.shape[0].multipliedReportingOverflow(by: array.shape[1]) == (content.count, false)
    else {
      throw reader.failure("its 'data' is not a two-dimensional array of bytes, rows first")
    }
    rows = array.shape[0]
    columns = array.shape[1]
    pixels = content
  }

  private static func labels(
    _ value: PickleValue?, _ name: String, _ reader: PickleReader
  ) throws -> [Int] {
    switch value {
    case .list(let index)?:
      return try reader.heap.lists[Int(index)].map { item in
        guard case .integer(let label) = item else {
          throw reader.failure("a label is not an integer")
        }
        return label
      }
    case .array(let index)?:
      let array = reader.heap.arrays[Int(index)]
      guard array.shape.count == 1, let type = array.type,
        let content = PickleLatin1.decoded(array.bytes, of: reader.bytes),
        let numbers = reader.heap.types[Int(type)].integers(content),
        numbers.count == array.shape[0]
      else { throw reader.failure("its array '\(name)' is not a row of integers") }
      return numbers
    default: throw reader.failure("it has neither a list nor an array '\(name)'")
    }
  }
}
