/// The tables as messages name them, with the columns that say which row is meant.
extension Row.Table {
  static let runs = Row.Table("runs", key: "id", "uuid")
  static let sessions = Row.Table("sessions", key: "id")
  static let epochs = Row.Table("epochs", key: "run", "epoch", "session")
  static let checkpoints = Row.Table("checkpoints", key: "id")
  static let blobs = Row.Table("blobs", key: "id")
  static let notes = Row.Table("notes", key: "id")
  static let metrics = Row.Table("metrics", key: "run", "name", "epoch")
  static let evaluations = Row.Table("evaluations", key: "run")
  static let predictions = Row.Table("predictions", key: "run", "kind", "number")
  static let texts = Row.Table("texts", key: "id")
}
