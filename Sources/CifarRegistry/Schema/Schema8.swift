/// What changed from schema 7 to 8: of a run whose last epoch is to be trained in part, the number of
/// epochs is known exactly, also where it was set by a resume; `epochs_planned` counts that epoch as one.
/// What a run of schema 7 began with says it, unless a session ended with all of that epoch. A program
/// that knows schema 4 can read the file.
enum Schema8 {
  static let sql = """
    ALTER TABLE runs ADD COLUMN exact_epochs REAL
      CHECK (exact_epochs < epochs_planned AND exact_epochs > epochs_planned - 1);
    UPDATE runs SET exact_epochs = json_extract(hyperparameters, '$.epochs')
    WHERE json_type(hyperparameters, '$.epochs') = 'real'
      AND json_extract(hyperparameters, '$.epochs') < epochs_planned
      AND json_extract(hyperparameters, '$.epochs') > epochs_planned - 1
      AND NOT EXISTS (
        SELECT 1 FROM sessions s WHERE s.run = runs.id
          AND s.reason = 'all ' || epochs_planned || ' epochs are done');
    """
}
