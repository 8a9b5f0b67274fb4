/// The tables, as SQL. Integer keys inside, a UUID for the world outside. Later schemas change
/// them: see `Schema2`.
enum Schema1 {
  /// Times are ISO 8601 text in UTC, which sorts and reads as it is.
  ///
  /// **NaN.** SQLite has no NaN: binding one stores NULL. A metric that is NaN is therefore NULL,
  /// and `epochs.nan` lists the columns for which NULL means NaN ('train_loss val_loss'); a NULL
  /// that is not listed there was never measured. The columns stay REAL, so `max`, `min` and
  /// `ORDER BY … NULLS LAST` do what one expects of a diverged run: NaN is never the best.
  /// Storing the text 'NaN' in the column instead would win every `max(val_accuracy)`, because
  /// text sorts above numbers. Infinities are ordinary REALs.
  ///
  /// **Superseded rows.** `epochs` holds one row an epoch. Once a session that resumed an earlier
  /// checkpoint writes for the first time, the rows that do not lead to it move to
  /// `superseded_epochs`, and such checkpoints are marked. A later resume from a superseded
  /// checkpoint brings its rows back.
  ///
  /// **References to sessions** are not declared as foreign keys: sessions go only together with
  /// their run, which cascades to everything, and each declared one would cost a whole scan of the
  /// other table for every session of a deleted run. Their ids are never used again.
  static let sql = """
    CREATE TABLE runs (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      uuid TEXT NOT NULL UNIQUE,
      name TEXT,
      status TEXT NOT NULL
        CHECK (status IN ('running', 'completed', 'stopped', 'interrupted', 'failed')),
      recipe TEXT NOT NULL,
      started TEXT NOT NULL,
      epochs_planned INTEGER NOT NULL,
      seed TEXT NOT NULL, -- 64 bits without sign, more than INTEGER holds
      dataset TEXT NOT NULL,
      dataset_hash TEXT,
      hyperparameters TEXT NOT NULL CHECK (json_valid(hyperparameters)),
      model TEXT NOT NULL CHECK (json_valid(model)),
      keep_last INTEGER CHECK (keep_last > 0), -- NULL keeps every checkpoint
      owner INTEGER -- the only session that may write
    ) STRICT;
    CREATE INDEX runs_by_name ON runs (name) WHERE name IS NOT NULL;

    CREATE TABLE sessions (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      token TEXT NOT NULL UNIQUE,
      started TEXT NOT NULL,
      heartbeat TEXT NOT NULL,
      ended TEXT,
      status TEXT NOT NULL CHECK
        (status IN ('running', 'completed', 'stopped', 'interrupted', 'failed', 'crashed')),
      reason TEXT NOT NULL DEFAULT '',
      resumed_session INTEGER, -- the one that saved the checkpoint
      resumed_epoch INTEGER,
      resumed_batch INTEGER,
      host TEXT NOT NULL,
      boot_id TEXT NOT NULL,
      pid_namespace TEXT NOT NULL,
      pid INTEGER NOT NULL,
      pid_start_ticks INTEGER NOT NULL,
      library_version TEXT NOT NULL,
      instruction_set TEXT NOT NULL,
      threads INTEGER NOT NULL,
      command_line TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sessions_by_run ON sessions (run);

    CREATE TABLE epochs (
      run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      epoch INTEGER NOT NULL CHECK (epoch > 0),
      session INTEGER NOT NULL,
      train_loss REAL,
      train_accuracy REAL,
      val_loss REAL,
      val_accuracy REAL,
      lr REAL,
      seconds REAL,
      images_per_second REAL,
      nan TEXT NOT NULL DEFAULT '', -- the columns whose NULL stands for NaN
      PRIMARY KEY (run, epoch)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE superseded_epochs (
      run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      epoch INTEGER NOT NULL,
      session INTEGER NOT NULL,
      train_loss REAL,
      train_accuracy REAL,
      val_loss REAL,
      val_accuracy REAL,
      lr REAL,
      seconds REAL,
      images_per_second REAL,
      nan TEXT NOT NULL DEFAULT '',
      PRIMARY KEY (run, epoch, session)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE blobs (
      id INTEGER PRIMARY KEY,
      sha256 TEXT NOT NULL UNIQUE,
      size INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE blob_chunks (
      blob INTEGER NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
      number INTEGER NOT NULL, -- from 0
      data BLOB NOT NULL,
      UNIQUE (blob, number)
    ) STRICT;

    CREATE TABLE checkpoints (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      session INTEGER NOT NULL,
      epoch INTEGER NOT NULL CHECK (epoch >= 0), -- epochs completed
      batch INTEGER NOT NULL CHECK (batch >= 0), -- batches of the next
      step INTEGER NOT NULL CHECK (step >= 0),
      created TEXT NOT NULL,
      is_best INTEGER NOT NULL CHECK (is_best IN (0, 1)), -- so far, when it was saved
      superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1)),
      blob INTEGER NOT NULL REFERENCES blobs (id)
    ) STRICT;
    CREATE INDEX checkpoints_by_run ON checkpoints (run);
    CREATE INDEX checkpoints_by_blob ON checkpoints (blob);

    CREATE TABLE tags (
      run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      tag TEXT NOT NULL,
      PRIMARY KEY (run, tag)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE notes (
      id INTEGER PRIMARY KEY,
      run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      created TEXT NOT NULL,
      text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX notes_by_run ON notes (run);
    """
}
