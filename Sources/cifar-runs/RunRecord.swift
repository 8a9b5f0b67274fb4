import Cifar
import CifarCore
import CifarRegistry
import CommandSupport

extension RunSummary {
  /// The run as `list` writes it for programs. Times are ISO 8601 in UTC, accuracies fractions.
  var record: Record {
    [
      ("id", .string(id)), ("name", .optional(name)), ("status", .string(status.rawValue)),
      ("recipe", .string(recipe)), ("dataset", .string(dataset)),
      ("started", .string(started.description)), ("duration_s", .number(durationSeconds)),
      ("epochs", .integer(Int64(epochs))),
      (
        "epochs_planned",
        exactEpochs < Double(epochsPlanned) ? .number(exactEpochs) : .integer(Int64(epochsPlanned))
      ),
      ("best_val_accuracy", .optional(bestValAccuracy)), ("best_val_loss", .optional(bestValLoss)),
      ("last_val_accuracy", .optional(lastValAccuracy)), ("last_val_loss", .optional(lastValLoss)),
      ("tags", .array(tags.map { .string($0) })),
      ("parent", .optional(parent?.run)), ("group", .optional(group)),
    ]
  }

  static let recordColumns = [
    "id", "name", "status", "recipe", "dataset", "started", "duration_s", "epochs",
    "epochs_planned", "best_val_accuracy", "best_val_loss", "last_val_accuracy", "last_val_loss",
    "tags", "parent", "group",
  ]
}

extension RunChoices {
  /// Over what `best` and `final` say, where runs are compared.
  static let bestTitle = "best checkpoint chosen on"
  static let finalTitle = "final weights chosen on"
}

extension RunDetail {
  /// The run as `show` writes it for programs: the names of the list, with the epochs themselves in
  /// place of their number, and the rest.
  var record: Record {
    get throws {
      let choices = try self.choices
      var record = summary.record
      record.removeAll { $0.name == "epochs" }
      record += [
        ("dataset_sha256", .optional(datasetHash)), ("seed", .unsigned(seed)),
        ("hyperparameters", try JSONValue(stored: hyperparameters)),
        ("model", try JSONValue(stored: model)),
        ("epochs", .array(epochs.map { .members($0.record) })),
        ("metrics", .array(metrics.map { .members($0.record) })),
        ("checkpoints", .array(checkpoints.map { .members($0.record) })),
        ("sessions", .array(sessions.map { .members($0.record) })),
        ("notes", .array(notes.map { .members($0.record) })),
        ("validated_on", .optional(choices.validation?.rawValue)),
        ("best_chosen_on", .optional(choices.best?.rawValue)),
        ("final_chosen_on", .optional(choices.final?.rawValue)),
        ("parent_checkpoint", summary.parent?.checkpoint.map { .integer($0) } ?? .null),
        ("evaluation", evaluation.map { .members($0.record) } ?? .null),
      ]
      return record
    }
  }
}

extension JSONValue {
  static func members(_ record: Record) -> JSONValue {
    .object(Dictionary(record.map { ($0.name, $0.value) }) { $1 })
  }

  init(_ value: FieldValue) {
    switch value {
    case .null: self = .null
    case .integer(let value): self = .integer(value)
    case .real(let value): self = .number(value)
    case .text(let value): self = .string(value)
    }
  }
}

extension EpochMetrics {
  var record: Record {
    [("epoch", .integer(Int64(epoch)))]
      + EpochMetric.allCases.map { (name: $0.name, value: .optional(self[$0])) }
  }

  static let recordColumns = ["epoch"] + EpochMetric.allCases.map(\.name)
}

extension MetricRow {
  var record: Record {
    [("name", .string(name)), ("epoch", .integer(Int64(epoch))), ("value", .number(value))]
  }
}

extension Note {
  var record: Record {
    [("created", .string(created.description)), ("text", .string(text))]
  }
}

extension ClassEvaluation {
  var record: Record {
    [
      ("epoch", .integer(Int64(epoch))),
      ("class_names", .array(classNames.map { .string($0) })),
      ("image_shape", .numbers(shape.dimensions)),
      ("confusion", .array(confusion.map { .array($0.map { .integer(Int64($0)) }) })),
    ]
  }
}

extension CheckpointRow {
  var record: Record {
    [
      ("id", .integer(id)), ("epoch", .integer(Int64(epoch))), ("batch", .integer(Int64(batch))),
      ("step", .integer(Int64(step))), ("created", .string(created.description)),
      ("size", .integer(Int64(size))), ("sha256", .string(sha256)), ("best", .bool(isBest)),
      ("superseded", .bool(isSuperseded)), ("pinned", .bool(isPinned)),
      ("weights_only", .bool(isWeightsOnly)),
    ]
  }

  static let recordColumns = [
    "id", "epoch", "batch", "step", "created", "size", "sha256", "best", "superseded", "pinned",
    "weights_only",
  ]
}

extension SessionRow {
  var record: Record {
    [
      ("started", .string(started.description)), ("ended", .optional(ended?.description)),
      ("duration_s", .number(durationSeconds)), ("status", .string(status.rawValue)),
      ("reason", .string(reason)), ("host", .string(host)), ("pid", .integer(Int64(pid))),
      ("library_version", .string(info.libraryVersion)),
      ("instruction_set", .string(info.instructionSet)),
      ("threads", .integer(Int64(info.threads))), ("command_line", .string(info.commandLine)),
      ("working_directory", .optional(info.workingDirectory)),
      ("git_commit", .optional(info.gitCommit)),
      ("environment", info.environment.map { .object($0) } ?? .null),
      ("resumed_epoch", resumedFrom.map { .integer(Int64($0.epoch)) } ?? .null),
      ("resumed_batch", resumedFrom.map { .integer(Int64($0.batch)) } ?? .null),
    ]
  }
}
