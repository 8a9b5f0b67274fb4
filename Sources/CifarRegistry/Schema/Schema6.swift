/// What changed from schema 5 to 6: a session knows the machine that it ran on and the uncommitted
/// changes of its program's repository; a checkpoint may have its weights only. A program that knows
/// schema 4 can read the file.
enum Schema6 {
  static let sql = """
    ALTER TABLE sessions ADD COLUMN environment TEXT
      CHECK (environment IS NULL OR json_valid(environment));
    ALTER TABLE sessions ADD COLUMN git_changes INTEGER CHECK (git_changes >= 1)
      REFERENCES texts (id);
    CREATE INDEX sessions_by_git_changes ON sessions (git_changes) WHERE git_changes IS NOT NULL;
    ALTER TABLE checkpoints
      ADD COLUMN weights_only INTEGER NOT NULL DEFAULT 0 CHECK (weights_only IN (0, 1));
    DROP VIEW run_checkpoints;
    \(Schema3.checkpoints(more: ", c.weights_only"))
    """
}
