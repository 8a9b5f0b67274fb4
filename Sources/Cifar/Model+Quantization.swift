import CheckpointFormat
import CifarCore
import CifarData
import CifarNN
import CifarTraining

extension Model {
  /// How many images `quantized` looks at where nobody says it.
  public static let calibrationImages = 512

  /// A model of the same layers with weights of 8 bits, which computes in int8: post-training
  /// quantization, see `Quantizer`. It answers sooner, and nearly the same; it can't be trained.
  ///
  /// - Parameters:
  ///   - calibration: images like those it will be asked about, of the training set. Their labels do
  ///     not matter.
  ///   - count: how many of them are looked at, evenly spaced; all if there are fewer.
  /// - Throws: `shapeMismatch` for images of another shape; `invalidArgument` for a count below 1;
  ///   `unsupported`, naming the layer, for a model that can't be quantized, or is; `notFinite`;
  ///   `outOfMemory`.
  public func quantized(
    calibration: Dataset, count: Int = Model.calibrationImages
  ) throws -> Model {
    guard count > 0 else {
      throw CifarError(
        .invalidArgument, "to quantize takes at least one calibration image, not \(count)")
    }
    guard calibration.shape == shape else {
      throw CifarError(
        .shapeMismatch,
        "the model takes images of \(shape), those to calibrate on are \(calibration.shape)")
    }
    let count = min(count, calibration.count)
    let images = try AlignedBuffer<Float>(count: count * shape.count, for: "calibration images")
    let normalizer = ImageNormalizer(shape, hyperparameters.normalization)
    for image in 0..<count {
      normalizer.run(
        calibration.images.pointer + image * calibration.count / count * shape.count,
        to: images.pointer + image * shape.count)
    }
    return try quantized(images.pointer, count: count)
  }
}

extension Hyperparameters {
  /// Those of a model that has been quantized: what names its parameters has nothing to name any more.
  func quantized(_ spec: ModelSpec) -> Hyperparameters {
    var result = self
    result.modelSpec = spec
    result.freeze = nil
    result.optimizer.groups = []
    return result
  }
}
