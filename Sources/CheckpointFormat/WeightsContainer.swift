import CifarCore

/// A file of weights and statistics alone, for other programs: safetensors, under the names that
/// these programs use. What the numbers mean is in the metadata, so that this library opens the file
/// without being told the model.
public struct WeightsContainer {
  static let contents = "libcifar weights 1"

  private enum Key: String {
    // `format` is what other programs ask for: "pt" is PyTorch's order of dimensions.
    case contents, format, hyperparameters, epoch, step
    case chosenOn = "chosen_on"
  }

  /// JSON: how the model was trained, its layers and its normalization included.
  public var hyperparameters: String
  /// Completed epochs.
  public var epoch: Int
  /// Steps of the optimizer.
  public var step: Int
  /// SHA-256 of the images that chose the epoch; nil where none did.
  public var chosenOn: String?
  public var tensors: [Tensor]
  /// `num_batches_tracked` of each batch normalisation.
  public var counters: [(name: String, value: Int)]

  public init(
    hyperparameters: String, epoch: Int, step: Int, chosenOn: String?, tensors: [Tensor],
    counters: [(name: String, value: Int)]
  ) {
    self.hyperparameters = hyperparameters
    self.epoch = epoch
    self.step = step
    self.chosenOn = chosenOn
    self.tensors = tensors
    self.counters = counters
  }

  public func encoded() throws -> [UInt8] {
    var metadata = [
      Key.contents.rawValue: WeightsContainer.contents, Key.format.rawValue: "pt",
      Key.hyperparameters.rawValue: hyperparameters, Key.epoch.rawValue: "\(epoch)",
      Key.step.rawValue: "\(step)",
    ]
    metadata[Key.chosenOn.rawValue] = chosenOn
    return try SafeTensors.encode(tensors, counters: counters, metadata: metadata)
  }

  /// What the metadata of such a file say besides its tensors; nil for other files.
  ///
  /// - Throws: `badData` for an epoch or a step that is no number.
  public static func description(
    in metadata: [String: String]
  ) throws -> (hyperparameters: String, epoch: Int, step: Int, chosenOn: String?)? {
    guard metadata[Key.contents.rawValue] == contents,
      let hyperparameters = metadata[Key.hyperparameters.rawValue]
    else { return nil }
    return (
      hyperparameters, try count(.epoch, in: metadata, atMost: 1 << 32),
      try count(.step, in: metadata, atMost: 1 << 53), metadata[Key.chosenOn.rawValue]
    )
  }

  private static func count(
    _ key: Key, in metadata: [String: String], atMost limit: Int
  ) throws -> Int {
    let text = metadata[key.rawValue] ?? ""
    guard let number = Int(text), (0...limit).contains(number) else {
      throw CifarError(
        .badData,
        "the file of weights can't be read: its \(key.rawValue) is '\(text.excerpt)', no number")
    }
    return number
  }
}
