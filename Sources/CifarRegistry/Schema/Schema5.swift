/// What changed from schema 4 to 5: a run may belong to a group, such as the seeds of one
/// configuration or the trials of a sweep. A program that knows schema 4 can read the file.
enum Schema5 {
  static var sql: String {
    """
    ALTER TABLE runs ADD COLUMN group_name TEXT CHECK (length(group_name) BETWEEN 1 AND 200);
    CREATE INDEX runs_by_group ON runs (group_name) WHERE group_name IS NOT NULL;
    DROP VIEW run_details;
    DROP VIEW run_summary;
    \(Schema3.runs(more: ", r.group_name"))
    """
  }
}
