import CifarCore
import CifarNN

/// Several views of each image whose logits are averaged: better by some tenths of a per cent, for as
/// many times the time. What it gives is never to be taken for what the model gives by itself.
public enum TestTimeAugmentation: String, Codable, CaseIterable, Sendable {
  case none
  /// The image and its mirror image, half each.
  case mirror
  /// `mirror` of the image for one half; for the other, `mirror` of the image shifted by one pixel to
  /// the right and down and of the one shifted to the left and up, by reflection at the edges.
  /// Airbench's `tta_level` 2.
  case mirrorTranslate = "mirror_translate"

  /// - Throws: `invalidArgument`.
  public init(named name: String) throws {
    guard let value = TestTimeAugmentation(rawValue: name) else {
      throw CifarError(
        .invalidArgument,
        "unknown test-time augmentation '\(name.excerpt)'; use "
          + TestTimeAugmentation.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self = value
  }

  struct View: Equatable {
    /// Pixels to the right and down.
    var shift: Int
    var isMirrored: Bool
    var weight: Float
  }

  var views: [View] {
    func both(_ shift: Int, _ weight: Float) -> [View] {
      [false, true].map { View(shift: shift, isMirrored: $0, weight: weight / 2) }
    }
    return switch self {
    case .none: [View(shift: 0, isMirrored: false, weight: 1)]
    case .mirror: both(0, 1)
    case .mirrorTranslate: both(0, 0.5) + both(1, 0.25) + both(-1, 0.25)
    }
  }
}

/// Computes the averaged logits of batches.
package final class AugmentedEvaluation {
  private let plan: Plan
  private let views: [TestTimeAugmentation.View]
  private let shape: ImageShape
  /// (N, channels, height, width)
  private let view: AlignedBuffer<Float>
  /// (N, classes)
  private let sums: AlignedBuffer<Float>
  package let classes: Int

  /// - Parameter plan: takes images of the shape.
  /// - Throws: `outOfMemory`.
  package init(_ augmentation: TestTimeAugmentation, plan: Plan, shape: ImageShape) throws {
    self.plan = plan
    self.shape = shape
    views = augmentation.views
    classes = plan.network.spec.classes
    view = try AlignedBuffer(count: plan.batchSize * shape.count)
    sums = try AlignedBuffer(count: plan.batchSize * classes)
  }

  /// - Parameters:
  ///   - images: (count, channels, height, width), normalised.
  ///   - labels: (total)
  ///   - total: images of the batch, with those of other processes.
  ///   - peers: that share the batch; nil for this process alone.
  ///   - probabilities: (total, classes), of the averaged logits; overwritten.
  /// - Throws: what ended the exchange with the others.
  package func evaluate(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, total: Int,
    among peers: Peers?, probabilities: UnsafeMutablePointer<Float>
  ) throws -> BatchResult {
    (sums.pointer).update(repeating: 0, count: count * classes)
    for way in views where count > 0 {
      for plane in 0..<(count * shape.channels) {
        draw(images + plane * shape.pixels, way, to: view.pointer + plane * shape.pixels)
      }
      plan.addLogits(
        images: view.pointer, count: count, weight: way.weight, to: sums.pointer)
    }
    try peers?.assemble(sums.pointer, width: classes, ofBatch: total)
    return plan.evaluate(
      logits: sums.pointer, labels: labels, count: total, probabilities: probabilities)
  }

  /// One channel of an image as it is seen.
  private func draw(
    _ plane: UnsafePointer<Float>, _ way: TestTimeAugmentation.View,
    to target: UnsafeMutablePointer<Float>
  ) {
    let (height, width) = (shape.height, shape.width)
    func reflected(_ place: Int, _ side: Int) -> Int {
      place < 0 ? -place : place >= side ? 2 * side - 2 - place : place
    }
    for y in 0..<height {
      let row = plane + reflected(y - way.shift, height) * width
      for x in 0..<width {
        let column = reflected(x - way.shift, width)
        target[y * width + (way.isMirrored ? width - 1 - x : x)] = row[column]
      }
    }
  }
}
