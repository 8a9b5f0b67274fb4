import CifarCore

extension Schema3 {
  private static let key = "INTEGER PRIMARY KEY AUTOINCREMENT"
  private static let parent = "INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE"
  /// Keys count from 1.
  private static let keys = 1...Int.max
  private static let whole = 0...Int.max
  private static let flag = 0...1

  private static var run: SchemaColumn { SchemaColumn("run", parent, keys) }

  static var tables: [SchemaTable] {
    [runs, sessions, epochs, metrics, blobs, checkpoints, evaluations, predictions] + small
  }

  private static var runs: SchemaTable {
    SchemaTable(
      name: "runs",
      columns: [
        .init("id", key, keys),
        .init("uuid", "TEXT NOT NULL UNIQUE"),
        .init("name", "TEXT"),
        .init(
          "status",
          "TEXT NOT NULL "
            + "CHECK (status IN ('running', 'completed', 'stopped', 'interrupted', 'failed'))"),
        .init("recipe", "TEXT NOT NULL"),
        .init("started", "TEXT NOT NULL"),
        .init("epochs_planned", "INTEGER NOT NULL", 0...Limits.epochs),
        .init("seed", "TEXT NOT NULL", note: "64 bits without sign, more than INTEGER holds"),
        .init("dataset", "TEXT NOT NULL"),
        .init("dataset_hash", "TEXT"),
        .init("epochs", "INTEGER NOT NULL DEFAULT 0", 0...Limits.epochs, note: "current ones"),
        metric("best_val_accuracy", .valAccuracy),
        metric("best_val_loss", .valLoss),
        metric("last_val_accuracy", .valAccuracy),
        metric("last_val_loss", .valLoss),
        .init("keep_last", "INTEGER", keys, note: "NULL keeps every checkpoint"),
        .init("keep_every", "INTEGER", keys, note: "also those of every N-th epoch"),
        .init("owner", "INTEGER", keys, note: "the only session that may write"),
        .init("parent", "TEXT", note: "the UUID of the run it was forked from"),
        .init("parent_checkpoint", "INTEGER", keys),
        .init("trashed", "TEXT", note: "when it was removed"),
        .init("model", "INTEGER NOT NULL REFERENCES texts (id)", keys),
        .init(
          "shared", "INTEGER REFERENCES texts (id)", keys, note: "members of the hyperparameters"),
        .init(
          "hyperparameters", "TEXT NOT NULL CHECK (json_valid(hyperparameters))",
          note: "the other members"),
      ], isCounted: true)
  }

  private static var sessions: SchemaTable {
    SchemaTable(
      name: "sessions",
      columns: [
        .init("id", key, keys), run,
        .init("token", "TEXT NOT NULL UNIQUE"),
        .init("started", "TEXT NOT NULL"),
        .init("heartbeat", "TEXT NOT NULL"),
        .init("ended", "TEXT"),
        .init(
          "status",
          "TEXT NOT NULL CHECK (status IN "
            + "('running', 'completed', 'stopped', 'interrupted', 'failed', 'crashed'))"),
        .init("reason", "TEXT NOT NULL DEFAULT ''"),
        .init(
          "resumed_session", "INTEGER", where: "resumed_session > 0 AND resumed_session < id",
          words: "an earlier session", note: "the one that saved the checkpoint"),
        .init("resumed_epoch", "INTEGER", 0...Limits.epochs),
        .init("resumed_batch", "INTEGER", 0...Limits.batches),
        .init("host", "TEXT NOT NULL"),
        .init("boot_id", "TEXT NOT NULL"),
        .init("pid_namespace", "TEXT NOT NULL"),
        .init("pid", "INTEGER NOT NULL", 0...Int(Int32.max)),
        .init("pid_start_ticks", "INTEGER NOT NULL", whole),
        .init("library_version", "TEXT NOT NULL"),
        .init("instruction_set", "TEXT NOT NULL"),
        .init("threads", "INTEGER NOT NULL", 0...Limits.threads),
        .init("command_line", "TEXT NOT NULL"),
        .init("working_directory", "TEXT"),
        .init("git_commit", "TEXT"),
      ], isCounted: true)
  }

  private static var epochs: SchemaTable {
    SchemaTable(
      name: "epochs",
      columns: [
        run,
        .init("epoch", "INTEGER NOT NULL", 1...Limits.epochs),
        .init("session", "INTEGER NOT NULL", keys),
        .init("superseded", "INTEGER NOT NULL DEFAULT 0", flag, from: "0"),
      ] + EpochMetric.allCases.map(measured) + [
        .init(
          "nan", "TEXT NOT NULL DEFAULT ''", from: "replace(nan, 'lr', 'learning_rate')",
          note: "the columns whose NULL stands for NaN")
      ], primaryKey: "run, epoch, session", options: "STRICT, WITHOUT ROWID",
      merged: [(table: "superseded_epochs", values: ["superseded": "1"])])
  }

  /// What schema 2 did not measure.
  private static let added: Set<EpochMetric> = [.cpuSeconds, .peakMemory]

  private static func measured(_ metric: EpochMetric) -> SchemaColumn {
    var column = SchemaColumn(
      metric.name, "REAL", .init(metric.name, metric.range),
      from: added.contains(metric) ? "NULL" : nil)
    if metric == .learningRate { column.rename(from: "lr", .init("lr", metric.range)) }
    return column
  }

  private static func metric(_ name: String, _ metric: EpochMetric) -> SchemaColumn {
    SchemaColumn(name, "REAL", .init(name, metric.range))
  }

  /// In schema 2 a metric was current where its epoch's row was.
  private static var metrics: SchemaTable {
    SchemaTable(
      name: "metrics",
      columns: [
        run,
        .init("name", "TEXT NOT NULL"),
        .init("epoch", "INTEGER NOT NULL", 1...Limits.epochs),
        .init("session", "INTEGER NOT NULL", keys),
        .init(
          "superseded", "INTEGER NOT NULL DEFAULT 0", flag,
          from: "NOT EXISTS (SELECT 1 FROM epochs e WHERE e.superseded = 0 AND "
            + "(e.run, e.epoch, e.session) = (metrics.run, metrics.epoch, metrics.session))"),
        .init("value", "REAL", note: "NULL is NaN"),
      ], primaryKey: "run, name, epoch, session", options: "STRICT, WITHOUT ROWID")
  }

  private static var blobs: SchemaTable {
    SchemaTable(
      name: "blobs",
      columns: [
        .init("id", "INTEGER PRIMARY KEY", keys),
        .init(
          "sha256", "TEXT NOT NULL UNIQUE", where: "length(sha256) = 64",
          words: "64 hexadecimal digits"),
        .init("size", "INTEGER NOT NULL", 0...Limits.bytes),
      ])
  }

  private static var checkpoints: SchemaTable {
    SchemaTable(
      name: "checkpoints",
      columns: [
        .init("id", key, keys), run,
        .init("session", "INTEGER NOT NULL", keys),
        .init("epoch", "INTEGER NOT NULL", 0...Limits.epochs, note: "epochs completed"),
        .init("batch", "INTEGER NOT NULL", 0...Limits.batches, note: "batches of the next"),
        .init("step", "INTEGER NOT NULL", 0...Limits.steps),
        .init("created", "TEXT NOT NULL"),
        .init("is_best", "INTEGER NOT NULL", flag, note: "so far, when it was saved"),
        .init("superseded", "INTEGER NOT NULL DEFAULT 0", flag),
        .init("blob", "INTEGER NOT NULL REFERENCES blobs (id)", keys),
        .init("pinned", "INTEGER NOT NULL DEFAULT 0", flag),
      ], isCounted: true)
  }

  /// Of the best weights, class by class.
  private static var evaluations: SchemaTable {
    SchemaTable(
      name: "evaluations",
      columns: [
        .init("run", "INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE", keys),
        .init("created", "TEXT NOT NULL"),
        .init("epoch", "INTEGER NOT NULL", 0...Limits.epochs),
        .init("class_names", "TEXT NOT NULL CHECK (json_valid(class_names))"),
        .init(
          "confusion", "TEXT NOT NULL CHECK (json_valid(confusion))",
          note: "[actual][predicted], images"),
      ])
  }

  /// Images to look at.
  private static var predictions: SchemaTable {
    SchemaTable(
      name: "predictions",
      columns: [
        .init(
          "run", "INTEGER NOT NULL REFERENCES evaluations (run) ON DELETE CASCADE", keys),
        .init(
          "kind", "TEXT NOT NULL CHECK (kind IN ('misclassified', 'sample'))",
          from: "CASE WHEN number < 1000 THEN 'misclassified' ELSE 'sample' END"),
        .init(
          "number", "INTEGER NOT NULL", whole,
          from: "CASE WHEN number < 1000 THEN number ELSE number - 1000 END", isOld: true,
          note: "from 0, the most confident mistake first"),
        .init("image", "INTEGER NOT NULL", whole, note: "its number in the validation set"),
        .init("actual", "INTEGER NOT NULL", 0...Limits.classes - 1),
        .init("predicted", "INTEGER NOT NULL", 0...Limits.classes - 1),
        .init(
          "probability", "REAL NOT NULL", .init("probability", 0.0...1.0),
          note: "of the predicted class"),
        .init(
          "pixels", "BLOB NOT NULL", where: "length(pixels) = 3072", words: "3072 bytes",
          note: "red, green and blue planes of 32 × 32"),
      ], primaryKey: "run, kind, number")
  }

  private static var small: [SchemaTable] {
    [
      SchemaTable(
        name: "texts",
        columns: [
          .init("id", "INTEGER PRIMARY KEY", keys),
          .init("json", "TEXT NOT NULL UNIQUE CHECK (json_valid(json))"),
        ]),
      SchemaTable(
        name: "tags", columns: [run, .init("tag", "TEXT NOT NULL")], primaryKey: "run, tag",
        options: "STRICT, WITHOUT ROWID"),
      SchemaTable(
        name: "notes",
        columns: [
          .init("id", "INTEGER PRIMARY KEY", keys), run, .init("created", "TEXT NOT NULL"),
          .init("text", "TEXT NOT NULL"),
        ]),
      SchemaTable(
        name: "meta",
        columns: [.init("key", "TEXT PRIMARY KEY"), .init("value", "INTEGER NOT NULL", whole)],
        options: "STRICT, WITHOUT ROWID"),
    ]
  }
}
