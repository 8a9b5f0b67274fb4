import CifarCore
import CifarTraining

/// `docs/hyperparameters.md`.
enum HyperparameterPage {
  typealias Part = HyperparameterGuide.Part

  static func text(_ sections: [HyperparameterGuide.Section]) -> String {
    var page = """
      # Hyperparameters

      Written by `cifar hyperparameters --markdown`; `make docs` does so after a change.

      Everything that decides how a run goes, by the names that `cifar_train_options.hyperparameters`,
      `cifar.fit` and `--hyperparameters` share. Where recipes differ the first value is
      \(Recipe.names[0])'s. The options of the optimizer and of the loss may be given without the
      object around them. `cifar-runs list --filter` takes each by its whole path: `optimizer.beta1`,
      `hyperparameters.ema`. Training computes in float32: a number that is 0 or infinite there, or an
      end that its range leaves out, as 0.99999999 is 1, is refused.

      """
    for part in Part.allCases {
      page += "\n## \(heading(part))\n"
      for section in sections where section.part == part {
        if let type = section.type { page += "\n### `\(type)`\n\n\(sentence(section.meaning))\n" }
        page += "\n" + table(section)
      }
    }
    return page
  }

  private static func heading(_ part: Part) -> String {
    switch part {
    case .all: "All"
    case .optimizer: "`optimizer`"
    case .group: "`optimizer.groups`"
    case .lookahead: "`lookahead`"
    case .loss: "`loss`"
    case .schedule: "`schedule`"
    case .augmentation: "`augmentations`"
    case .callback: "`callbacks`"
    }
  }

  static func name(of part: Part) -> String {
    switch part {
    case .all: "hyperparameters"
    case .optimizer: "optimizer"
    case .group: "parameter group"
    case .lookahead: "lookahead"
    case .loss: "loss"
    case .schedule: "schedule"
    case .augmentation: "augmentation"
    case .callback: "callback"
    }
  }

  private static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst() + "."
  }

  private static func table(_ section: HyperparameterGuide.Section) -> String {
    guard !section.rows.isEmpty else { return "It has no options.\n" }
    var text = "| name | default | range | meaning |\n|---|---|---|---|\n"
    for row in section.rows {
      let cells = [
        "`\(row.option.name)`", row.value, row.option.legal, row.option.meaning,
      ].map { $0.replacing("|", with: "\\|") }
      text += "| \(cells.joined(separator: " | ")) |\n"
    }
    return text
  }
}
