/// What changed from schema 1 to 2.
enum Schema2 {
  /// **Texts.** Model specification, callbacks, class names and the like are the same in run after
  /// run. The large members of a run's hyperparameters lie in `texts`, once however many runs have
  /// them; `runs.hyperparameters` holds the others, those that people vary. The view
  /// `run_details` puts them together again.
  ///
  /// **Summaries.** `runs.epochs`, `best_…` and `last_…` repeat what the rows of `epochs` say, so
  /// that a list of ten thousand runs need not read a million rows. They are written in the
  /// transaction that writes the rows; `verify` compares.
  ///
  /// **Trash.** A removed run has the time of that in `trashed`, and is gone with the next `gc`.
  static let sql = """
    CREATE TABLE meta (
      key TEXT PRIMARY KEY,
      value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- The oldest schema whose library can still read this file.
    INSERT INTO meta VALUES ('readable_by', 2);

    CREATE TABLE texts (
      id INTEGER PRIMARY KEY,
      json TEXT NOT NULL UNIQUE CHECK (json_valid(json))
    ) STRICT;

    CREATE TABLE new_runs (
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
      epochs INTEGER NOT NULL DEFAULT 0, -- recorded
      best_val_accuracy REAL,
      best_val_loss REAL,
      last_val_accuracy REAL,
      last_val_loss REAL,
      keep_last INTEGER CHECK (keep_last > 0), -- NULL keeps every checkpoint
      keep_every INTEGER CHECK (keep_every > 0), -- also those of every N-th epoch
      owner INTEGER, -- the only session that may write
      parent TEXT, -- the UUID of the run it was forked from
      parent_checkpoint INTEGER,
      trashed TEXT, -- when it was removed
      model INTEGER NOT NULL REFERENCES texts (id),
      shared INTEGER REFERENCES texts (id), -- members of the hyperparameters
      hyperparameters TEXT NOT NULL CHECK (json_valid(hyperparameters)) -- the other members
    ) STRICT;

    INSERT OR IGNORE INTO texts (json) SELECT json(model) FROM runs ORDER BY id;
    INSERT OR IGNORE INTO texts (json)
      SELECT \(sharedMembers("hyperparameters")) FROM runs ORDER BY id;
    INSERT INTO new_runs (id, uuid, name, status, recipe, started, epochs_planned, seed, dataset,
        dataset_hash, epochs, best_val_accuracy, best_val_loss, last_val_accuracy, last_val_loss,
        keep_last, owner, model, shared, hyperparameters)
      SELECT id, uuid, name, status, recipe, started, epochs_planned, seed, dataset, dataset_hash,
        \(summary("runs.id")), keep_last, owner,
        (SELECT t.id FROM texts t WHERE t.json = json(runs.model)),
        (SELECT t.id FROM texts t WHERE t.json = \(sharedMembers("runs.hyperparameters"))),
        \(ownMembers("hyperparameters"))
      FROM runs ORDER BY id;
    UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'runs')
      WHERE name = 'new_runs';
    DROP TABLE runs;
    ALTER TABLE new_runs RENAME TO runs;
    CREATE INDEX runs_by_name ON runs (name) WHERE name IS NOT NULL;
    CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
    CREATE INDEX runs_trashed ON runs (trashed) WHERE trashed IS NOT NULL;

    ALTER TABLE sessions ADD COLUMN working_directory TEXT;
    ALTER TABLE sessions ADD COLUMN git_commit TEXT;
    ALTER TABLE checkpoints ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
    CREATE INDEX tags_by_tag ON tags (tag);

    CREATE TABLE metrics ( -- what the program measured itself
      run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      name TEXT NOT NULL,
      epoch INTEGER NOT NULL,
      session INTEGER NOT NULL,
      value REAL, -- NULL is NaN
      PRIMARY KEY (run, name, epoch, session)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE evaluations ( -- of the best weights, class by class
      run INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
      created TEXT NOT NULL,
      epoch INTEGER NOT NULL,
      class_names TEXT NOT NULL CHECK (json_valid(class_names)),
      confusion TEXT NOT NULL CHECK (json_valid(confusion)) -- [actual][predicted], images
    ) STRICT;

    CREATE TABLE predictions ( -- images to look at
      run INTEGER NOT NULL REFERENCES evaluations (run) ON DELETE CASCADE,
      number INTEGER NOT NULL, -- from 0, the worst first, samples from 1000
      image INTEGER NOT NULL, -- its number in the validation set
      actual INTEGER NOT NULL,
      predicted INTEGER NOT NULL,
      probability REAL NOT NULL, -- of the predicted class
      pixels BLOB NOT NULL, -- red, green and blue planes of 32 × 32
      PRIMARY KEY (run, number)
    ) STRICT;

    CREATE VIEW run_details AS
      SELECT r.id, r.uuid, r.name, r.status, r.recipe, r.started, r.epochs, r.epochs_planned,
        r.best_val_accuracy, r.best_val_loss, r.last_val_accuracy, r.last_val_loss, r.seed,
        r.dataset, r.dataset_hash, r.parent, r.parent_checkpoint, r.trashed,
        \(completeHyperparameters) AS hyperparameters, m.json AS model
      FROM runs r JOIN texts m ON m.id = r.model LEFT JOIN texts s ON s.id = r.shared;
    """

  /// The members that are large and seldom vary. A member that people vary must not be among them:
  /// every value of it would store all the others again.
  private static let sharedKeys =
    "('augmentations', 'callbacks', 'data', 'model_spec', 'normalization')"

  /// The shared members of a JSON object, as an object; NULL where there is none.
  static func sharedMembers(_ json: String) -> String {
    members(json, "key IN \(sharedKeys)", "NULL")
  }

  /// The other members.
  static func ownMembers(_ json: String) -> String {
    members(json, "key NOT IN \(sharedKeys)", "'{}'")
  }

  /// Puts the members together as text: through `json_group_object` large integers and the digits
  /// of numbers would not come back as they were written.
  private static func members(_ json: String, _ condition: String, _ none: String) -> String {
    """
    (SELECT coalesce('{' || group_concat(json_quote(key) || ':' || (\(json) -> fullkey)) || '}',
      \(none)) FROM json_each(json(\(json))) WHERE \(condition))
    """
  }

  /// The whole object again, of `runs r` and `texts s`.
  static let completeHyperparameters = """
    CASE WHEN s.json IS NULL THEN r.hyperparameters WHEN r.hyperparameters = '{}' THEN s.json
      ELSE substr(r.hyperparameters, 1, length(r.hyperparameters) - 1) || ',' || substr(s.json, 2)
    END
    """

  /// The columns `epochs` to `last_val_loss` of a run, from its rows.
  static func summary(_ run: String) -> String {
    """
    (SELECT count(*) FROM epochs e WHERE e.run = \(run)),
    (SELECT max(val_accuracy) FROM epochs e WHERE e.run = \(run)),
    (SELECT min(val_loss) FROM epochs e WHERE e.run = \(run)),
    (SELECT val_accuracy FROM epochs e WHERE e.run = \(run) ORDER BY epoch DESC LIMIT 1),
    (SELECT val_loss FROM epochs e WHERE e.run = \(run) ORDER BY epoch DESC LIMIT 1)
    """
  }
}
