import CifarCore

/// What the epochs of a run were validated on: callbacks and the best checkpoint are chosen by it.
public enum ValidationImages: String, Sendable {
  /// The test images of its data set, as in the tutorials: the best accuracy is a little better than
  /// on images that nobody has seen.
  case test = "test images"
  /// A part of the training images (`validation_split`).
  case split = "validation split"
}

extension RunDetail {
  /// nil where the registry does not know: of images from memory, and of an imported run.
  ///
  /// - Throws: `badData` if the hyperparameters are not JSON.
  public var chosenOn: ValidationImages? {
    get throws {
      guard case .object(let members) = try JSONValue(stored: hyperparameters),
        case .object(let data)? = members["data"]
      else { return nil }
      if case .string? = data["test_hash"] { return .split }
      guard case .string? = data["location"], case .string? = data["validation_hash"] else {
        return nil
      }
      return .test
    }
  }
}
