import CifarCore
import CifarRegistry

enum RegistryTargets {
  /// The first byte says what the text is: a filter, a field to sort by or to show, the name of a
  /// run.
  static func filter(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    let registry = try SampleRegistry.shared.get().registry
    var query = RunQuery()
    switch first % 4 {
    case 0: query.filter = text
    case 1: query.sort = text
    case 2: query.fields = [text]
    default:
      _ = try answer { try registry.run(matching: text) }
      return
    }
    _ = try answer { try registry.runs(query) }
    _ = RunQuery.moment(text)
  }

  /// A list of edits of the sample's bytes, six bytes each.
  static func pages(_ bytes: [UInt8]) throws {
    let sample = try SampleRegistry.shared.get()
    var file = sample.bytes
    var edits = bytes[...]
    while edits.count >= 6 {
      PageEdit(edits.prefix(6).map { $0 }).apply(to: &file)
      edits = edits.dropFirst(6)
    }
    try sample.reading(file, look)
  }

  /// A list of cells to set, four bytes each, and a text that some are set to.
  static func cells(_ bytes: [UInt8]) throws {
    let sample = try SampleRegistry.shared.get()
    try sample.reading(sample.looseBytes) { path in
      try CellEditor.edit(path, bytes)
      try look(path)
    }
  }

  /// Everything that a reader of a registry does.
  private static func look(_ path: String) throws {
    guard
      let registry = try answer({ try Registry(path: path, mode: .readOnly, busyTimeout: 0) })
    else { return }
    let query = RunQuery(sort: "val_loss", withLosses: true)
    let runs = (try answer { try registry.runs(query) }) ?? []
    _ = try answer {
      try registry.runs(RunQuery(filter: "learning_rate > 0 or duration > 1s", trash: true))
    }
    for run in runs.prefix(8) {
      _ = try answer { try registry.run(matching: run.id) }
      _ = try answer { try registry.epochs(of: run.id) }
      _ = try answer { try registry.checkpoint(.best, of: run.id) }
      for checkpoint in (try answer { try registry.checkpoints(of: run.id) }) ?? [] {
        _ = try answer { try registry.checkpointData(checkpoint.id) }
      }
    }
    _ = try answer { try registry.facts() }
    _ = try answer { try registry.verify() }
  }
}
