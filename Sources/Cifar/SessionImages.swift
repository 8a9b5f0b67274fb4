import CifarCore
import CifarData
import CifarTraining

/// The images of a training: what it learns from, what it is validated on and, where that is a part of
/// the training images, those that are looked at once at its end.
struct SessionImages {
  let train: Dataset
  let validation: Dataset
  let test: Dataset?
  /// What the training images and these were before a part was split off.
  let whole: (train: Dataset, test: Dataset)

  /// - Parameters:
  ///   - validation: the test images where a part of the training images is to be validated on.
  ///   - hyperparameters: say whether, and which.
  /// - Throws: `invalidArgument` for a part without images, `outOfMemory`.
  init(train: Dataset, validation: Dataset, split hyperparameters: Hyperparameters) throws {
    whole = (train, validation)
    guard let share = hyperparameters.validationSplit else {
      (self.train, self.validation, test) = (train, validation, nil)
      return
    }
    (self.train, self.validation) = try train.stratifiedSplit(
      share: share, seed: hyperparameters.seed)
    test = validation
  }

  /// What a person should know of a part that has far more or fewer images than its share of them, as
  /// each class gives whole ones; nil where there is none.
  ///
  /// - Parameter share: that was asked for; nil where nothing was split off.
  func roundingRemark(share: Double?) -> String? {
    guard let share else { return nil }
    let (held, all) = (validation.count, whole.train.count)
    let wanted = share * Double(all)
    // An image more or less tells nothing.
    guard abs(Double(held) - wanted) > max(1, wanted / 4) else { return nil }
    return "validation_split \(share) holds out \(held) of \(all) training images, "
      + "\(Int((100 * Double(held) / Double(all)).rounded())) %: of each class it takes its share, rounded "
      + "to whole images"
  }

  /// Those that a checkpoint was trained on.
  init(
    of checkpoint: Checkpoint, train: Dataset?, validation: Dataset?, location: String?
  ) throws {
    try self.init(
      of: checkpoint.hyperparameters, train: train, validation: validation, location: location)
  }

  /// Those that a run was trained on.
  init(
    of hyperparameters: Hyperparameters, train: Dataset?, validation: Dataset?, location: String?
  ) throws {
    let data = hyperparameters.data
    let place = location ?? data?.location
    guard place != nil || train != nil && validation != nil else {
      throw CifarError(
        .invalidArgument,
        "nothing says where the run's images are (it was trained on images from memory, or has not "
          + "begun): name their place (--data), or hand them over")
    }
    let isSplit = hyperparameters.validationSplit != nil
    let counts = data.map {
      isSplit
        ? (train: $0.trainCount + $0.validationCount, test: $0.testCount)
        : (train: $0.trainCount, test: $0.validationCount)
    }
    try self.init(
      train: train ?? SessionImages.open(place, location, .train, counts?.train),
      validation: validation ?? SessionImages.open(place, location, .test, counts?.test),
      split: hyperparameters)
  }

  /// Where nobody names a place and the old one is gone, the usual ones of that data set are searched.
  private static func open(
    _ place: String?, _ named: String?, _ split: Split, _ limit: Int?
  ) throws -> Dataset {
    do {
      return try Dataset.open(place, split: split, limit: limit)
    } catch let gone as CifarError where gone.code == .notFound && named == nil {
      guard let place else { throw gone }
      if let set = Dataset.nameOfSet(at: place) {
        do {
          return try Dataset.open(set, split: split, limit: limit)
        } catch let error as CifarError where error.code == .notFound {
          throw missing(place, error)
        }
      }
      throw missing(place, gone)
    }
  }

  private static func missing(_ place: String, _ error: CifarError) -> CifarError {
    CifarError(
      .notFound,
      "the run's images were at '\(place.excerpt)' and are not there any more: \(error.message); "
        + "--data names another place")
  }
}
