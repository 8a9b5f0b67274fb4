import CifarRegistry
import CommandSupport

extension RunSummary {
  /// The run as `list --json` writes it. Times are ISO 8601 in UTC, accuracies fractions.
  var json: [String: JSONValue] {
    [
      "id": .string(id), "name": .optional(name), "status": .string(status.rawValue),
      "recipe": .string(recipe), "started": .string(started.description),
      "duration_s": .number(durationSeconds), "epochs": .integer(Int64(epochs)),
      "best_val_accuracy": .optional(bestValAccuracy), "best_val_loss": .optional(bestValLoss),
    ]
  }
}

extension RunDetail {
  /// The run as `show --json` writes it: the keys of the list, with the epochs themselves in place
  /// of their number, and the rest.
  var json: [String: JSONValue] {
    get throws {
      var json = summary.json
      json["epochs"] = .array(epochs.map { .object($0.json) })
      json["epochs_planned"] = .integer(Int64(summary.epochsPlanned))
      json["dataset"] = .string(summary.dataset)
      json["dataset_sha256"] = .optional(datasetHash)
      json["seed"] = .unsigned(seed)
      json["hyperparameters"] = try JSONValue(text: hyperparameters)
      json["model"] = try JSONValue(text: model)
      json["checkpoints"] = .array(checkpoints.map { .object($0.json) })
      json["sessions"] = .array(sessions.map { .object($0.json) })
      return json
    }
  }
}

extension EpochRow {
  var json: [String: JSONValue] {
    [
      "epoch": .integer(Int64(epoch)), "train_loss": .number(trainLoss),
      "train_accuracy": .number(trainAccuracy), "val_loss": .optional(valLoss),
      "val_accuracy": .optional(valAccuracy), "lr": .number(learningRate),
      "seconds": .number(seconds),
    ]
  }
}

extension CheckpointRow {
  var json: [String: JSONValue] {
    [
      "id": .integer(id), "epoch": .integer(Int64(epoch)), "batch": .integer(Int64(batch)),
      "step": .integer(Int64(step)), "created": .string(created.description),
      "size": .integer(Int64(size)), "sha256": .string(sha256), "best": .bool(isBest),
      "superseded": .bool(isSuperseded),
    ]
  }
}

extension SessionRow {
  var json: [String: JSONValue] {
    [
      "started": .string(started.description), "ended": .optional(ended?.description),
      "duration_s": .number(durationSeconds), "status": .string(status.rawValue),
      "reason": .string(reason), "host": .string(host), "pid": .integer(Int64(pid)),
      "library_version": .string(info.libraryVersion),
      "instruction_set": .string(info.instructionSet), "threads": .integer(Int64(info.threads)),
      "command_line": .string(info.commandLine),
      "resumed_epoch": resumedFrom.map { .integer(Int64($0.epoch)) } ?? .null,
      "resumed_batch": resumedFrom.map { .integer(Int64($0.batch)) } ?? .null,
    ]
  }
}
