import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import Glibc

/// What the epochs of a run were validated on. `EpochChoice.swift` says when that chooses among them.
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

/// What a run's epochs were validated on, and which of its weights were chosen by how they did there.
///
/// A figure is chosen on its images if the weights that it is of were: that of the best checkpoint may
/// be, and that of the last epoch not.
public struct RunChoices: Sendable {
  /// nil where nobody knows: of images from memory, and of an imported run.
  public let validation: ValidationImages?
  /// What chose the best checkpoint; nil where nothing did, or `validation` is nil.
  public let best: ValidationImages?
  /// What chose the last epoch, by ending a training there; nil likewise.
  public let lastEpoch: ValidationImages?
  /// What chose the weights that training ended with: those of the last epoch, or of one that early
  /// stopping put back; nil likewise, and before the end. Of a run that was taken further since, it
  /// is of the weights that were measured last.
  public let final: ValidationImages?
  /// What the best checkpoint is the best by; empty where nothing marks one by a metric.
  public let bestMonitors: [Monitor]

  /// What chose the weights that a metric of a training's end is of, if it is of the images that the run
  /// validates on.
  public func choice(of metric: ResultMetric) -> ValidationImages? {
    switch metric {
    case .finalValAccuracy, .ttaValAccuracy: final
    case .testAccuracy, .testLoss, .ttaTestAccuracy: nil
    }
  }
}

extension RunDetail {
  /// - Throws: `badData` if the hyperparameters are not JSON.
  public var choices: RunChoices {
    get throws {
      _ = try JSONValue(stored: hyperparameters)
      // Those of another program are not known.
      guard
        var known = try? StateCoding.decode(
          Hyperparameters.self, from: hyperparameters, what: "the run's hyperparameters")
      else {
        return RunChoices(
          validation: nil, best: nil, lastEpoch: nil, final: nil, bestMonitors: [])
      }
      // It may have been taken further since.
      known.epochs = summary.epochsPlanned
      let images = ValidationImages(known)
      let isBestChosen =
        known.choosesBestByValidation(amongEpochs: epochs.count)
        && checkpoints.contains { $0.isBest && !$0.isSuperseded }
      let isLastChosen = ends.contains { $0.isStop && $0.epoch == epochs.last?.epoch }
      return RunChoices(
        validation: images, best: isBestChosen ? images : nil,
        lastEpoch: isLastChosen ? images : nil, final: hasChosenEnd(known) ? images : nil,
        bestMonitors: known.bestMonitors)
    }
  }

  /// The epoch whose weights were measured as those that training ended with, the last time that it
  /// did; nil where none were measured.
  public var measuredEnd: Int? {
    metrics.filter { ResultMetric(rawValue: $0.name) != nil }.map(\.epoch).max()
  }

  /// Whether the weights are chosen that training ended with: those that were measured, or, where none
  /// were, those of a completed run.
  private func hasChosenEnd(_ known: Hyperparameters) -> Bool {
    func isRestored(_ epoch: Int) -> Bool {
      known.restoresByValidation(epoch: epoch, epochs.last { $0.epoch == epoch })
    }
    if let epoch = measuredEnd {
      // Each end measures, unless its weights were measured before: a later one has the same ones.
      return ends.contains {
        $0.epoch >= epoch && ($0.isStop || $0.epoch > 1 && isRestored(epoch))
      }
    }
    guard summary.status == .completed, let end = ends.last else { return false }
    return end.isStop || end.epoch > 1 && epochs.contains { isRestored($0.epoch) }
  }

  /// The last epochs of those sessions that trained to the end, and whether the images validated on
  /// made them stop there.
  private var ends: [(epoch: Int, isStop: Bool)] {
    sessions.indices.compactMap { index in
      let session = sessions[index]
      guard session.status == .completed else { return nil }
      let isStop = Hyperparameters.isStopByValidation(session.reason)
      // What was taken further went on from there.
      if sessions.indices.contains(index + 1) {
        return sessions[index + 1].resumedFrom.map { ($0.epoch, isStop) }
      }
      return epochs.last.map { ($0.epoch, isStop && $0.epoch < summary.epochsPlanned) }
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
