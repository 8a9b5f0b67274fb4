import CifarCore
import Glibc

/// The file of a `CSVLogger`: a title line, and lines of one or more runs.
///
/// From `begin` or `resume` to `end` it is held: meanwhile nobody starts it over, and all that write to
/// it take turns (see `CSVLogHold`). Taking lines out may replace the file, so a writer that
/// gets a lock checks that the path still leads to the file that it locked.
final class CSVLogFile {
  let path: String
  let separator: String
  let columns: [String]
  private var hold: CSVLogHold?

  init(path: String, separator: String, columns: [String]) {
    self.path = path
    self.separator = separator
    self.columns = columns
  }

  /// Larger than any log: 10,000 runs of 100 epochs are 100 MB.
  private static let largest = 256 << 20
  private static let newLine = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private var titles: String { columns.joined(separator: separator) }

  /// A log with any separator.
  private var kind: FileKind {
    let columns = columns
    return FileKind("a CSV log of training epochs") { bytes in
      let line = CSVLogFile.text(Array(bytes.prefix { $0 != CSVLogFile.newLine }))
      guard line.hasPrefix(columns[0]) else { return false }
      let separator = String(line.dropFirst(columns[0].count).prefix(1))
      return line == columns.joined(separator: separator)
    }
  }

  // MARK: Beginning

  /// Starts the file over, with nothing but the titles.
  /// - Throws: `busy` if another training writes to it.
  func begin() throws {
    try naming {
      try FileWriter.check(path, as: kind)
      guard isRegular else {
        return try FileWriter.write(Array((titles + "\n").utf8), to: path, as: kind)
      }
      try locked(alone: true) { try replace([Array(titles.utf8)], of: $0) }
    }
  }

  /// Nothing more is written: others may start the file over.
  func end() { hold = nil }

  /// Gets the file ready for more lines.
  ///
  /// - Parameters:
  ///   - own: lines that this run wrote and that stay; those that are missing are put back.
  ///   - superseded: lines that this run wrote and that are taken out, each once.
  ///   - isNew: whether the run begins.
  /// - Returns: lines after the last of `own` that are neither.
  func resume(
    keeping own: [CSVLogLine], dropping superseded: [CSVLogLine], isNew: Bool
  ) throws -> [CSVLogLine] {
    try naming {
      try FileWriter.check(path, as: kind)
      guard isRegular else {
        if isNew { try FileWriter.write(Array((titles + "\n").utf8), to: path, as: kind) }
        return []
      }
      return try locked { hold in
        var lines = try read(hold.file)
        let (changed, unclaimed) = try edit(&lines, own, superseded)
        if changed { try replace(lines, of: hold) }
        return unclaimed
      }
    }
  }

  private func edit(
    _ lines: inout [[UInt8]], _ own: [CSVLogLine], _ superseded: [CSVLogLine]
  ) throws -> (changed: Bool, unclaimed: [CSVLogLine]) {
    let isEmpty = lines.isEmpty
    if isEmpty { lines = [Array(titles.utf8)] }
    let first = CSVLogFile.text(lines[0])
    guard first == titles else {
      throw CifarError(
        .invalidArgument,
        "CSV logger: '\(path)' has the titles '\(first.prefix(80))', not '\(titles)'; "
          + "give another file or its separator")
    }
    let end = lines[0].last == CSVLogFile.carriageReturn ? [CSVLogFile.carriageReturn] : []
    let before = lines.count
    // From the end: the run's own last lines are the ones to take back.
    var parsed = lines.map(line)
    for line in superseded {
      guard let place = parsed.lastIndex(where: { $0?.isSame(line) == true }) else { continue }
      parsed.remove(at: place)
      lines.remove(at: place)
    }
    let dropped = before - lines.count
    var last = 0
    for line in own {
      if let place = parsed.lastIndex(where: { $0?.isSame(line) == true }) {
        last = max(last, place)
      } else {
        lines.append(Array(line.text(separator: separator).utf8) + end)
        parsed.append(line)
        last = lines.count - 1
      }
    }
    let changed = isEmpty || dropped > 0 || lines.count != before - dropped
    return (changed, parsed[(last + 1)...].compactMap { $0 })
  }

  /// A file that nobody else writes is replaced by a new one, whole at every moment. Others would
  /// still hold the old one: theirs is written over.
  private func replace(_ lines: [[UInt8]], of old: CSVLogHold) throws {
    guard old.takeAlone() else {
      return try overwrite(old, with: lines.flatMap { $0 + [CSVLogFile.newLine] })
    }
    var new: CSVLogHold?
    defer { (new ?? old).share() }
    try FileWriter.write(to: path, as: kind) { file in
      for line in lines { try file.write(line + [CSVLogFile.newLine]) }
      // Before it has its name: it is held from the first moment that others can see it.
      new = CSVLogHold(taking: try file.duplicate())
      new?.share()
    }
    if let new { hold = new }
  }

  /// From the first byte that changes on.
  private func overwrite(_ hold: CSVLogHold, with bytes: [UInt8]) throws {
    let before = try content(of: hold.file)
    let same = zip(before, bytes).prefix { $0 == $1 }.count
    hold.isAppending = false
    defer { hold.isAppending = true }
    try bytes[same...].withUnsafeBytes { try hold.file.write($0, at: same) }
    try hold.file.truncate(to: bytes.count)
    try hold.file.sync(onlyData: true)
  }

  // MARK: Continuing

  func append(_ line: CSVLogLine) throws {
    let line = line.text(separator: separator)
    try naming {
      // The database may have been made since the log was begun.
      try DatabaseCompanion.refuse(path, for: kind.name)
      guard isRegular else {
        return try FileWriter.write(Array((line + "\n").utf8), to: path, as: kind)
      }
      try locked { hold in
        let size = try hold.file.size()
        var text = ""
        var end = "\n"
        if size == 0 {
          text = titles + "\n"
        } else {
          // As the file has them: lines may have gone through a spreadsheet.
          if try endsLinesForWindows(hold.file) { end = "\r\n" }
          if try hold.file.bytes(in: (size - 1)..<size) != [CSVLogFile.newLine] { text = end }
        }
        try append(Array((text + line + end).utf8), to: hold.file, size)
      }
    }
  }

  private func endsLinesForWindows(_ file: borrowing File) throws -> Bool {
    let start = try file.bytes(in: 0..<4096)
    guard let place = start.firstIndex(of: CSVLogFile.newLine), place > 0 else { return false }
    return start[place - 1] == CSVLogFile.carriageReturn
  }

  /// Appends all of it, or takes back what went.
  private func append(_ bytes: [UInt8], to file: borrowing File, _ size: Int) throws {
    do {
      try file.write(bytes)
    } catch {
      // Unless someone else has written after it.
      if let end = try? file.bytes(in: size..<(size + bytes.count + 1)), !end.isEmpty,
        bytes.starts(with: end)
      {
        try? file.truncate(to: size)
      }
      throw error
    }
    try file.sync(onlyData: true)
  }

  // MARK: The file

  /// Whether its lines can be read: a regular file, or nothing yet.
  private var isRegular: Bool {
    var status = stat()
    return stat(path, &status) != 0 || status.isRegular
  }

  /// The lines without their line feeds; a carriage return before one is part of its line.
  private func read(_ file: borrowing File) throws -> [[UInt8]] {
    try content(of: file).split(separator: CSVLogFile.newLine).map(Array.init)
  }

  private func content(of file: borrowing File) throws -> [UInt8] {
    let size = try file.size()
    guard size <= CSVLogFile.largest else {
      throw CifarError(
        .invalidArgument,
        "CSV logger: '\(path)' has \(size) bytes, more than a log has; give another file")
    }
    return try file.bytes(in: 0..<size)
  }

  /// Without what a spreadsheet puts around it: a carriage return, and the mark of UTF-8.
  private static func text(_ line: [UInt8]) -> String {
    let end = line.last == carriageReturn ? 1 : 0
    let start = line.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    return String(decoding: line.dropFirst(start).dropLast(end), as: UTF8.self)
  }

  private func line(_ bytes: [UInt8]) -> CSVLogLine? {
    CSVLogLine(CSVLogFile.text(bytes), separator: separator, columns: columns.count)
  }

  /// Opens the file, made if need be, and gives it to `body` while nobody else writes.
  /// - Parameter alone: whether nobody else may have it in use.
  private func locked<Result>(
    alone: Bool = false, _ body: (CSVLogHold) throws -> Result
  ) throws -> Result {
    while true {
      let hold = try hold ?? CSVLogHold(opening: path)
      self.hold = hold
      if alone, !hold.takeAlone() {
        self.hold = nil
        throw inUse(by: hold.user)
      }
      if !alone { hold.share() }
      let result = try hold.inTurn { hold.isAt(path) ? try body(hold) : nil }
      if let result { return result }
      self.hold = nil
    }
  }

  private func inUse(by user: String?) -> CifarError {
    CifarError(
      .busy,
      "CSV logger: '\(path)' is being written by a training of \(user ?? "another process"), whose "
        + "lines a new run would take away; name another file, wait until that has ended, or have "
        + "both in one file (\"append\": true)")
  }

  private func naming<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as CifarError where !error.message.hasPrefix("CSV logger:") {
      throw CifarError(error.code, "CSV logger: \(error.message)")
    }
  }
}
