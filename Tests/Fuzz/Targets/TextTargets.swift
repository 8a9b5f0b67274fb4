import CifarCore
import CifarTraining
import CommandSupport

enum TextTargets {
  /// The first byte says how a training continues with the file that the others are.
  static func csv(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let file = try MemoryFile()
    try file.set(Array(bytes.dropFirst()))
    let logger = CSVLogger(
      CSVLogger.Options(filename: file.path, append: first & 1 == 1))
    var remarks: [String] = []
    let began = try answer { try logger.trainBegan(epoch: Int(first >> 1), &remarks) }
    if began != nil, remarks.isEmpty {
      try require(!(try file.content()).isEmpty, "the file has no header")
    }
    let fields = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    guard !fields.isEmpty else { return }
    let read = CSVLine.fields(CSV.line(fields))
    // Controls are spelled out, and what a spreadsheet would compute has a quote before it.
    let visible = fields.map { $0.visible(keepsLines: true) }
    try require(
      read.count == visible.count
        && zip(read, visible).allSatisfy { $0 == $1 || $0 == "'" + $1 },
      "the fields are others when they are read back")
    try require(
      !read.contains { "=+-@".contains($0.first ?? " ") && Double($0) == nil },
      "a field is a formula")
  }

  /// Arguments, each ended by a NUL.
  static func arguments(_ bytes: [UInt8]) throws {
    let texts = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    let command = Command(
      "train", summary: "",
      positionals: [
        Positional("RUN", help: "a run"),
        Positional("MORE", help: "", required: false, repeats: true),
      ],
      options: [
        Option("--epochs", value: "N", help: ""), Option("--lr", value: "X", help: ""),
        Option("--seed", value: "N", help: ""), Option("--quiet", help: ""),
        Option("--sort", value: "FIELD", help: ""),
      ]
    ) { _ in }
    do {
      let arguments = try Arguments(texts, for: command)
      _ = try arguments.integer("--epochs", in: 1...1000)
      _ = try arguments.number("--lr", "a number above 0") { $0 > 0 }
      _ = try arguments.unsigned("--seed")
      _ = try arguments.choice("--sort", of: ["val_loss", "val_accuracy"])
    } catch is UsageError {}
  }
}

/// A reader of what `CSV.line` writes.
private enum CSVLine {
  static func fields(_ line: String) -> [String] {
    var fields: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var bytes = Array(line.utf8)[...]
    while let byte = bytes.popFirst() {
      switch (byte, isQuoted) {
      case (UInt8(ascii: "\""), true) where bytes.first == UInt8(ascii: "\""):
        field.append(byte)
        bytes = bytes.dropFirst()
      case (UInt8(ascii: "\""), _): isQuoted.toggle()
      case (UInt8(ascii: ","), false), (UInt8(ascii: "\n"), false):
        fields.append(String(decoding: field, as: UTF8.self))
        field = []
      default: field.append(byte)
      }
    }
    return fields
  }
}
