import CifarCore

/// Views for people and their tools. Their names and columns stay: later schemas add columns at the
/// end. Runs in the trash are in `run_details` only.
extension Schema3 {
  static var views: String {
    let metrics = EpochMetric.allCases.map { "e.\($0.name)" }.joined(separator: ", ")
    return runs() + """

      CREATE VIEW run_epochs AS
        SELECT substr(r.uuid, 1, 8) AS run, r.name, e.epoch, \(metrics)
        FROM runs r JOIN epochs e ON e.run = r.id
        WHERE r.trashed IS NULL AND e.superseded = 0 ORDER BY r.id, e.epoch;

      CREATE VIEW best_epochs AS -- of every run, the one with the lowest validation loss
        SELECT substr(r.uuid, 1, 8) AS run, r.name, e.epoch, \(metrics)
        FROM runs r JOIN epochs e ON e.run = r.id AND e.superseded = 0
        WHERE r.trashed IS NULL AND e.epoch = (
          SELECT b.epoch FROM epochs b
          WHERE b.run = r.id AND b.superseded = 0 AND b.val_loss IS NOT NULL
          ORDER BY b.val_loss, b.epoch LIMIT 1)
        ORDER BY r.id;

      """ + checkpoints()
  }

  /// The view with a row a checkpoint.
  ///
  /// - Parameter more: the columns that a later schema has besides, each after a comma.
  static func checkpoints(more: String = "") -> String {
    """
    CREATE VIEW run_checkpoints AS
      SELECT c.id, substr(r.uuid, 1, 8) AS run, r.name, c.epoch, c.batch, c.step, c.created, b.size,
        b.sha256, c.id IS (SELECT max(best.id) FROM checkpoints best WHERE best.run = c.run
          AND best.is_best = 1 AND best.superseded = 0) AS is_best, c.superseded, c.pinned\(more)
      FROM checkpoints c JOIN runs r ON r.id = c.run JOIN blobs b ON b.id = c.blob
      WHERE r.trashed IS NULL ORDER BY c.id;
    """
  }

  /// The views with a row a run.
  ///
  /// - Parameter more: the columns that a later schema has besides, each after a comma.
  static func runs(more: String = "") -> String {
    """
    CREATE VIEW run_details AS
      SELECT r.id, r.uuid, r.name, r.status, r.recipe, r.started, r.epochs, r.epochs_planned,
        r.best_val_accuracy, r.best_val_loss, r.last_val_accuracy, r.last_val_loss, r.seed,
        r.dataset, r.dataset_hash, r.parent, r.parent_checkpoint, r.trashed,
        \(Schema2.completeHyperparameters) AS hyperparameters, m.json AS model\(more)
      FROM runs r JOIN texts m ON m.id = r.model LEFT JOIN texts s ON s.id = r.shared;

    CREATE VIEW run_summary AS
      SELECT substr(r.uuid, 1, 8) AS run, r.name, r.status, r.recipe, r.dataset, r.started,
        r.epochs, r.epochs_planned, r.best_val_accuracy, r.best_val_loss, r.last_val_accuracy,
        r.last_val_loss,
        (SELECT group_concat(tag, ', ') FROM
          (SELECT tag FROM tags t WHERE t.run = r.id ORDER BY tag)) AS tags\(more)
      FROM runs r WHERE r.trashed IS NULL ORDER BY r.id;

    """
  }
}
