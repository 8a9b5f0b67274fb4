import CifarCore

/// What changed from schema 3 to 4: images of any shape. An evaluation says which its images have, and
/// predictions keep as many pixels as those.
enum Schema4 {
  static var sql: String {
    let sides = ImageShape.sides
    let side = "BETWEEN \(sides.lowerBound) AND \(sides.upperBound)"
    return """
      ALTER TABLE evaluations
        ADD COLUMN channels INTEGER NOT NULL DEFAULT 3 CHECK (channels IN (1, 3));
      ALTER TABLE evaluations
        ADD COLUMN height INTEGER NOT NULL DEFAULT 32 CHECK (height \(side));
      ALTER TABLE evaluations
        ADD COLUMN width INTEGER NOT NULL DEFAULT 32 CHECK (width \(side));
      CREATE TABLE new_predictions (
        run INTEGER NOT NULL CHECK (run >= 1) REFERENCES evaluations (run) ON DELETE CASCADE,
        kind TEXT NOT NULL CHECK (kind IN ('misclassified', 'sample')),
        number INTEGER NOT NULL CHECK (number >= 0), -- from 0, the most confident mistake first
        image INTEGER NOT NULL CHECK (image >= 0), -- its number in the validation set
        actual INTEGER NOT NULL CHECK (actual BETWEEN 0 AND \(Limits.classes - 1)),
        predicted INTEGER NOT NULL CHECK (predicted BETWEEN 0 AND \(Limits.classes - 1)),
        probability REAL NOT NULL CHECK (probability BETWEEN 0.0 AND 1.0), -- of the predicted class
        pixels BLOB NOT NULL CHECK (length(pixels) BETWEEN \(Limits.pixels.lowerBound) AND \(
        Limits.pixels.upperBound)), -- planes of the evaluation's height × width
        PRIMARY KEY (run, kind, number)
      ) STRICT;
      INSERT INTO new_predictions SELECT * FROM predictions;
      DROP TABLE predictions;
      ALTER TABLE new_predictions RENAME TO predictions;
      UPDATE meta SET value = 4 WHERE key = 'readable_by';
      """
  }
}
