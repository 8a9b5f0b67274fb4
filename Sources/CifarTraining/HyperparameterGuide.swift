import CifarCore
import CifarData

/// All hyperparameters there are, in words: what the command line and the documentation show.
public enum HyperparameterGuide {
  public enum Part: Sendable, CaseIterable {
    case all, optimizer, group, lookahead, loss, schedule, augmentation, callback
  }

  /// The options of one object.
  public struct Section: Sendable {
    public let part: Part
    /// The kind's name, as JSON's `type` has it; nil for what all kinds have, or where there is one.
    public let type: String?
    /// Of the kind.
    public let meaning: String
    public private(set) var rows: [Row]

    /// The section with one of its options alone.
    public func only(_ name: String) -> Section {
      var section = self
      section.rows = rows.filter { $0.option.name == name }
      return section
    }

    /// - Parameter bases: where values come from that are left out, with what people call it.
    init<Options: DescribedOptions>(
      _ part: Part, type: String? = nil, meaning: String = "", _ bases: [(String, Options)]
    ) {
      self.part = part
      self.type = type
      self.meaning = meaning
      rows = Options.options.map { Row($0, bases) }
    }

    init<Kind: OptionsKind>(_ part: Part, _ kind: Kind.Type) {
      self.init(part, type: Kind.type, meaning: Kind.meaning, [("", Kind())])
    }
  }

  public struct Row: Sendable {
    public let option: OptionRow
    /// The value where it is left out; empty for none. Where recipes differ, `64 (keras: 32)`.
    public let value: String

    fileprivate init<Options: DescribedOptions>(
      _ option: OptionDescription<Options>, _ bases: [(name: String, Options)]
    ) {
      self.option = option.row
      if bases.count == 1 && option.row.isRequired {
        value = "required"
        return
      }
      let texts = bases.map { (name: $0.name, text: option.text($0.1) ?? "") }
      let first = texts.first?.text ?? ""
      var others: [(names: String, text: String)] = []
      for (name, text) in texts where text != first {
        if others.last?.text == text {
          others[others.count - 1].names += ", \(name)"
        } else {
          others.append((name, text))
        }
      }
      let words = others.map { " (\($0.names): \($0.text))" }.joined()
      value = first + words
    }
  }

  public static let sections: [Section] = {
    let recipes = Recipe.names.compactMap { name in
      (try? Recipe.named(name)).map { (name, $0) }
    }
    return [
      Section(.all, recipes), Section(.optimizer, recipes.map { ($0.0, $0.1.optimizer) }),
      Section(.group, [("", ParameterGroup())]), Section(.lookahead, [("", LookaheadSpec())]),
      Section(.loss, recipes.map { ($0.0, $0.1.loss) }),
      Section(.schedule, [("", LearningRateSchedule.Timing())]),
    ] + LearningRateSchedule.curves.map { Section(.schedule, $0) }
      + Augmentation.kinds.map { Section(.augmentation, $0) }
      + CallbackSpec.kinds.map { Section(.callback, $0) }
  }()
}
