/// One edit of an SQLite file, biased towards the bytes that mean something: the headers at a page's
/// start and the cells at its end.
struct PageEdit {
  private static let pageSize = SampleRegistry.pageSize
  private let edit: [UInt8]

  /// - Parameter edit: six bytes.
  init(_ edit: [UInt8]) { self.edit = edit }

  func apply(to file: inout [UInt8]) {
    let pages = max(1, file.count / PageEdit.pageSize)
    let page = Int(edit[0]) % pages * PageEdit.pageSize
    let offset = (Int(edit[2]) | Int(edit[3]) << 8) % PageEdit.pageSize
    let place: Int
    switch edit[1] & 3 {
    case 0: place = page + offset % 128
    case 1: place = page + PageEdit.pageSize - 1 - offset
    case 2: place = page + offset
    default: place = offset % 100
    }
    guard place < file.count else { return }
    switch edit[1] >> 2 & 7 {
    case 0, 1: file[place] = edit[5]
    case 2: file[place] ^= 1 << (edit[5] & 7)
    case 3: for index in place..<min(place + 4, file.count) { file[index] = edit[5] }
    case 4:
      let source = Int(edit[5]) % pages * PageEdit.pageSize
      for index in 0..<min(64, file.count - max(place, source)) {
        file[place + index] = file[source + index]
      }
    case 5: file.removeLast(min(file.count, Int(edit[5]) << 8 | Int(edit[4])))
    default: file[place] = file[place] &+ edit[5]
    }
  }
}
