/// What changed from schema 6 to 7: the accuracy of the weights that a training ended with is the metric
/// `final_val_accuracy`; before, it had the name of the last epoch's. A program's own metric of that name
/// stays: only a training's end measures with test-time augmentation beside it. A program that knows
/// schema 4 can read the file.
enum Schema7 {
  static let sql = """
    UPDATE metrics SET name = 'final_val_accuracy' WHERE name = 'last_val_accuracy' AND EXISTS (
      SELECT 1 FROM metrics augmented
      WHERE (augmented.run, augmented.epoch, augmented.session)
        = (metrics.run, metrics.epoch, metrics.session)
        AND augmented.name = 'tta_val_accuracy')
      AND NOT EXISTS (
      SELECT 1 FROM metrics own
      WHERE (own.run, own.epoch, own.session) = (metrics.run, metrics.epoch, metrics.session)
        AND own.name = 'final_val_accuracy');
    """
}
