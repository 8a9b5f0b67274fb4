import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import Glibc

/// What the epochs of a run were validated on, where one of them was chosen by that: see
/// `EpochChoice.swift`.
public enum ValidationImages: String, Sendable {
  /// The test images of its data set, as in the tutorials: the best accuracy is a little better than
  /// on images that nobody has seen.
  case test = "test images"
  /// A part of the training images (`validation_split`).
  case split = "validation split"

  /// nil where nobody knows what the images are: those from memory.
  init?(_ hyperparameters: Hyperparameters) {
    guard let data = hyperparameters.data else { return nil }
    if data.testHash != nil {
      self = .split
    } else if data.location != nil {
      self = .test
    } else {
      return nil
    }
  }
}

extension RunDetail {
  /// nil where nothing chose the epoch, and where the registry does not know: of images from memory, and
  /// of an imported run.
  ///
  /// - Throws: `badData` if the hyperparameters are not JSON.
  public var chosenOn: ValidationImages? {
    get throws {
      guard let known = try knownHyperparameters, hasChosen(known) else { return nil }
      return ValidationImages(known)
    }
  }

  /// Whether a checkpoint of the run was marked as the best one, or its end was chosen.
  private func hasChosen(_ hyperparameters: Hyperparameters) -> Bool {
    guard summary.epochs > 1 else { return false }
    if hyperparameters.choosesBestByValidation, checkpoints.contains(where: \.isBest) {
      return true
    }
    guard summary.status == .completed, summary.bestValLoss != nil else { return false }
    return hyperparameters.restoresBestByValidation
      || hyperparameters.stopsByValidation && summary.epochs < summary.epochsPlanned
  }

  /// Whether the epochs were measured on the test images, whatever chose among them.
  public var validatesOnTestImages: Bool {
    get throws {
      guard let data = try knownHyperparameters?.data else { return false }
      return data.testHash == nil && data.location != nil
    }
  }

  /// nil for those of another program.
  private var knownHyperparameters: Hyperparameters? {
    get throws {
      _ = try JSONValue(stored: hyperparameters)
      return try? StateCoding.decode(
        Hyperparameters.self, from: hyperparameters, what: "the run's hyperparameters")
    }
  }
}

extension Model {
  /// How many of some images chose the weights.
  public enum Share: Sendable {
    case none, some, all
  }

  /// How many of some images chose the epoch that the weights are of.
  ///
  /// They are known as those that the run was validated on, as its first ones, or as more that begin
  /// with them, of the same place or from memory. Of others nobody knows.
  public func share(ofChoiceIn images: Dataset) -> Share {
    guard isChosen, let data = hyperparameters.data else { return .none }
    if images.contentHash == data.validationHash { return .all }
    guard let location = images.location ?? data.location, data.testHash == nil,
      data.validationCount != images.count
    else { return .none }
    // What can't be read any more can't be compared.
    func opened(_ limit: Int) -> Dataset? {
      try? Dataset.open(location, split: .test, limit: limit)
    }
    if images.location == nil {
      // Most images from memory begin otherwise: one image says so soon.
      guard let first = opened(1), first.beginsLike(images) else { return .none }
    } else if images.split != .test {
      return .none
    }
    guard let chosen = opened(data.validationCount), chosen.contentHash == data.validationHash
    else { return .none }
    return chosen.beginsLike(images) ? (images.count < chosen.count ? .all : .some) : .none
  }
}

extension Dataset {
  /// Whether the smaller of two sets is the beginning of the other.
  fileprivate func beginsLike(_ other: Dataset) -> Bool {
    guard shape == other.shape else { return false }
    let count = min(count, other.count)
    return memcmp(images.pointer, other.images.pointer, count * shape.count) == 0
      && memcmp(labels.pointer, other.labels.pointer, count * MemoryLayout<Int32>.stride) == 0
  }
}
