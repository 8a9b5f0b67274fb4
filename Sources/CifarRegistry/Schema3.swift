import CifarCore

/// What changed from schema 2 to 3: every whole number has its range, as `Limits` has it.
///
/// Metrics are any doubles: a diverged run has infinite ones.
enum Schema3 {
  /// A column and what it must be.
  private struct Rule {
    var table: String
    var column: String
    /// The range in words.
    var wanted: String
    /// A condition in SQL; one that is NULL holds.
    var condition: String

    init(_ table: String, _ column: String, _ wanted: String, _ condition: String) {
      self.table = table
      self.column = column
      self.wanted = wanted
      self.condition = condition
    }

    init(_ table: String, _ column: String, _ range: ClosedRange<Int>) {
      self.init(
        table, column, "from \(range.lowerBound) to \(range.upperBound)",
        "\(column) BETWEEN \(range.lowerBound) AND \(range.upperBound)")
    }
  }

  private static let whole = 0...Int.max
  private static let unsigned32 = 0...Int(UInt32.max)

  private static let rules = [
    Rule("runs", "epochs_planned", 0...Limits.epochs),
    Rule("runs", "epochs", 0...Limits.epochs),
    Rule("runs", "keep_last", 1...Int.max),
    Rule("runs", "keep_every", 1...Int.max),
    Rule("runs", "parent_checkpoint", 1...Int.max),
    Rule(
      "sessions", "resumed_session", "an earlier session",
      "resumed_session > 0 AND resumed_session < id"),
    Rule("sessions", "resumed_epoch", 0...Limits.epochs),
    Rule("sessions", "resumed_batch", 0...Limits.batches),
    Rule("sessions", "pid", 0...Int(Int32.max)),
    Rule("sessions", "pid_start_ticks", whole),
    Rule("sessions", "threads", 0...Limits.threads),
    Rule("epochs", "epoch", 1...Limits.epochs),
    Rule("epochs", "session", 1...Int.max),
    Rule("superseded_epochs", "epoch", 1...Limits.epochs),
    Rule("superseded_epochs", "session", 1...Int.max),
    Rule("blobs", "sha256", "64 hexadecimal digits", "length(sha256) = 64"),
    Rule("blobs", "size", 0...Limits.bytes),
    Rule("blob_chunks", "number", whole),
    Rule("checkpoints", "epoch", 0...Limits.epochs),
    Rule("checkpoints", "batch", 0...Limits.batches),
    Rule("checkpoints", "step", 0...Limits.steps),
    Rule("checkpoints", "session", 1...Int.max),
    Rule("metrics", "epoch", 1...Limits.epochs),
    Rule("metrics", "session", 1...Int.max),
    Rule("evaluations", "epoch", 0...Limits.epochs),
    Rule("predictions", "number", whole),
    Rule("predictions", "image", whole),
    Rule("predictions", "actual", 0...Limits.classes - 1),
    Rule("predictions", "predicted", 0...Limits.classes - 1),
    Rule("predictions", "probability", "from 0 to 1", "probability BETWEEN 0 AND 1"),
    Rule("predictions", "pixels", "\(Limits.pixels) bytes", "length(pixels) = \(Limits.pixels)"),
  ]

  /// Nothing is changed, and nothing is lost, where a value can't be: who has the file has to say
  /// what was meant.
  ///
  /// - Throws: `badData`, naming table, column and row, and the command that puts it right.
  static let check: @Sendable (Connection) throws -> Void = { connection in
    var bad: [(text: String, remedy: String)] = []
    for rule in rules {
      // Tables without rowid are named by their keys; all of them belong to a run.
      let hasRowID = !["epochs", "superseded_epochs", "metrics"].contains(rule.table)
      let row =
        hasRowID
        ? "'rowid = ' || rowid"
        : "'run = ' || run || ' AND epoch = ' || epoch || ' AND session = ' || session"
      let found = try connection.rows(
        """
        SELECT \(row), quote(substr(\(rule.column), 1, 60)) FROM \(rule.table)
        WHERE NOT (\(rule.condition)) LIMIT 10
        """
      ) { (row: $0.text(0), value: $0.text(1)) }
      bad += found.map {
        (
          "\(rule.table).\(rule.column) of the row with \($0.row) is \($0.value), not \(rule.wanted)",
          "UPDATE \(rule.table) SET \(rule.column) = … WHERE \($0.row)"
        )
      }
    }
    guard let first = bad.first else { return }
    let others = bad.count == 1 ? "" : ", and \(bad.count - 1) more such values"
    throw CifarError(
      .badData,
      "\(first.text)\(others); put it right with sqlite3, for example: \(first.remedy)")
  }

  /// The conditions of a column, to stand after its type.
  private static func check(_ table: String, _ column: String) -> String {
    rules.filter { $0.table == table && $0.column == column }
      .map { "CHECK (\($0.condition))" }.joined(separator: " ")
  }

  /// SQLite adds no condition to a table that is there: tables are rebuilt and filled. Only the
  /// bytes of checkpoints stay where they are; a trigger checks the numbers of their chunks for tools
  /// that let triggers fire.
  static var sql: String {
    "DROP VIEW run_details;"
      + tables.map { table in
        let sequence =
          table.isCounted
          ? """
          DELETE FROM sqlite_sequence WHERE name = 'new_\(table.name)';
          INSERT INTO sqlite_sequence (name, seq)
            SELECT 'new_\(table.name)', seq FROM sqlite_sequence WHERE name = '\(table.name)';
          """ : ""
        return """
          CREATE TABLE new_\(table.name) (
          \(table.columns)
          ) \(table.options);
          INSERT INTO new_\(table.name) (\(table.names)) SELECT \(table.names) FROM \(table.name);
          \(sequence)
          DROP TABLE \(table.name);
          ALTER TABLE new_\(table.name) RENAME TO \(table.name);

          """
      }.joined() + """
        CREATE INDEX runs_by_name ON runs (name) WHERE name IS NOT NULL;
        CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
        CREATE INDEX runs_trashed ON runs (trashed) WHERE trashed IS NOT NULL;
        CREATE INDEX runs_by_model ON runs (model);
        CREATE INDEX runs_by_shared ON runs (shared) WHERE shared IS NOT NULL;
        CREATE INDEX sessions_by_run ON sessions (run);
        CREATE INDEX checkpoints_by_run ON checkpoints (run);
        CREATE INDEX checkpoints_by_blob ON checkpoints (blob);

        CREATE TRIGGER blob_chunks_insert BEFORE INSERT ON blob_chunks WHEN NEW.number < 0
          BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: number >= 0'); END;
        CREATE TRIGGER blob_chunks_update BEFORE UPDATE OF number ON blob_chunks
          WHEN NEW.number < 0
          BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: number >= 0'); END;

        CREATE VIEW run_details AS
          SELECT r.id, r.uuid, r.name, r.status, r.recipe, r.started, r.epochs, r.epochs_planned,
            r.best_val_accuracy, r.best_val_loss, r.last_val_accuracy, r.last_val_loss, r.seed,
            r.dataset, r.dataset_hash, r.parent, r.parent_checkpoint, r.trashed,
            \(Schema2.completeHyperparameters) AS hyperparameters, m.json AS model
          FROM runs r JOIN texts m ON m.id = r.model LEFT JOIN texts s ON s.id = r.shared;
        """
  }

  private struct Table {
    var name: String
    var columns: String
    var options = "STRICT"
    /// Whether keys are never used again.
    var isCounted = false

    /// The columns' names: the first word of each line.
    var names: String {
      columns.split(separator: "\n").filter { !$0.hasPrefix("PRIMARY KEY") && !$0.hasPrefix(" ") }
        .map { String($0.prefix { $0 != " " }) }.joined(separator: ", ")
    }
  }

  private static let key = "INTEGER PRIMARY KEY AUTOINCREMENT"
  private static let run = "INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE"

  /// One column a line.
  private static var tables: [Table] {
    [
      Table(
        name: "runs",
        columns: """
          id \(key),
          uuid TEXT NOT NULL UNIQUE,
          name TEXT,
          status TEXT NOT NULL
            CHECK (status IN ('running', 'completed', 'stopped', 'interrupted', 'failed')),
          recipe TEXT NOT NULL,
          started TEXT NOT NULL,
          epochs_planned INTEGER NOT NULL \(check("runs", "epochs_planned")),
          seed TEXT NOT NULL, -- 64 bits without sign, more than INTEGER holds
          dataset TEXT NOT NULL,
          dataset_hash TEXT,
          epochs INTEGER NOT NULL DEFAULT 0 \(check("runs", "epochs")), -- recorded
          best_val_accuracy REAL,
          best_val_loss REAL,
          last_val_accuracy REAL,
          last_val_loss REAL,
          keep_last INTEGER \(check("runs", "keep_last")), -- NULL keeps every checkpoint
          keep_every INTEGER \(check("runs", "keep_every")), -- also every so many epochs
          owner INTEGER, -- the only session that may write
          parent TEXT, -- the UUID of the run it was forked from
          parent_checkpoint INTEGER \(check("runs", "parent_checkpoint")),
          trashed TEXT, -- when it was removed
          model INTEGER NOT NULL REFERENCES texts (id),
          shared INTEGER REFERENCES texts (id), -- members of the hyperparameters
          hyperparameters TEXT NOT NULL CHECK (json_valid(hyperparameters)) -- the other members
          """, isCounted: true),
      Table(
        name: "sessions",
        columns: """
          id \(key),
          run \(run),
          token TEXT NOT NULL UNIQUE,
          started TEXT NOT NULL,
          heartbeat TEXT NOT NULL,
          ended TEXT,
          status TEXT NOT NULL CHECK
            (status IN ('running', 'completed', 'stopped', 'interrupted', 'failed', 'crashed')),
          reason TEXT NOT NULL DEFAULT '',
          resumed_session INTEGER \(check("sessions", "resumed_session")), -- whose checkpoint it took
          resumed_epoch INTEGER \(check("sessions", "resumed_epoch")),
          resumed_batch INTEGER \(check("sessions", "resumed_batch")),
          host TEXT NOT NULL,
          boot_id TEXT NOT NULL,
          pid_namespace TEXT NOT NULL,
          pid INTEGER NOT NULL \(check("sessions", "pid")),
          pid_start_ticks INTEGER NOT NULL \(check("sessions", "pid_start_ticks")),
          library_version TEXT NOT NULL,
          instruction_set TEXT NOT NULL,
          threads INTEGER NOT NULL \(check("sessions", "threads")),
          command_line TEXT NOT NULL,
          working_directory TEXT,
          git_commit TEXT
          """, isCounted: true),
      epochs("epochs", key: "run, epoch"),
      epochs("superseded_epochs", key: "run, epoch, session"),
      Table(
        name: "blobs",
        columns: """
          id INTEGER PRIMARY KEY,
          sha256 TEXT NOT NULL UNIQUE \(check("blobs", "sha256")),
          size INTEGER NOT NULL \(check("blobs", "size"))
          """),
      Table(
        name: "checkpoints",
        columns: """
          id \(key),
          run \(run),
          session INTEGER NOT NULL \(check("checkpoints", "session")),
          epoch INTEGER NOT NULL \(check("checkpoints", "epoch")), -- epochs completed
          batch INTEGER NOT NULL \(check("checkpoints", "batch")), -- batches of the next
          step INTEGER NOT NULL \(check("checkpoints", "step")),
          created TEXT NOT NULL,
          is_best INTEGER NOT NULL CHECK (is_best IN (0, 1)), -- of its line when it was saved
          superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1)),
          blob INTEGER NOT NULL REFERENCES blobs (id),
          pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))
          """, isCounted: true),
      Table(
        name: "metrics",  // what the program measured itself
        columns: """
          run \(run),
          name TEXT NOT NULL,
          epoch INTEGER NOT NULL \(check("metrics", "epoch")),
          session INTEGER NOT NULL \(check("metrics", "session")),
          value REAL, -- NULL is NaN
          PRIMARY KEY (run, name, epoch, session)
          """, options: "STRICT, WITHOUT ROWID"),
      Table(
        name: "evaluations",  // of the best weights, class by class
        columns: """
          run INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
          created TEXT NOT NULL,
          epoch INTEGER NOT NULL \(check("evaluations", "epoch")),
          class_names TEXT NOT NULL CHECK (json_valid(class_names)),
          confusion TEXT NOT NULL CHECK (json_valid(confusion)) -- [actual][predicted], images
          """),
      Table(
        name: "predictions",  // images to look at
        columns: """
          run INTEGER NOT NULL REFERENCES evaluations (run) ON DELETE CASCADE,
          number INTEGER NOT NULL \(check("predictions", "number")), -- samples from 1000 on
          image INTEGER NOT NULL \(check("predictions", "image")),
          actual INTEGER NOT NULL \(check("predictions", "actual")),
          predicted INTEGER NOT NULL \(check("predictions", "predicted")),
          probability REAL NOT NULL \(check("predictions", "probability")), -- of the predicted class
          pixels BLOB NOT NULL \(check("predictions", "pixels")), -- three planes
          PRIMARY KEY (run, number)
          """),
    ]
  }

  private static func epochs(_ name: String, key: String) -> Table {
    Table(
      name: name,
      columns: """
        run \(run),
        epoch INTEGER NOT NULL \(check(name, "epoch")),
        session INTEGER NOT NULL \(check(name, "session")),
        train_loss REAL,
        train_accuracy REAL,
        val_loss REAL,
        val_accuracy REAL,
        lr REAL,
        seconds REAL,
        images_per_second REAL,
        nan TEXT NOT NULL DEFAULT '', -- the columns whose NULL stands for NaN
        PRIMARY KEY (\(key))
        """, options: "STRICT, WITHOUT ROWID")
  }
}
