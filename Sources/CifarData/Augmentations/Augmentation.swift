import CifarCore

/// One random change of training images. A recipe lists them in the order in which they happen.
///
/// In JSON: `{"type": "random_rotation", "degrees": 15}`, and so on; what is left out is as in
/// torchvision and Keras.
public struct Augmentation: Sendable {
  package let kind: any AugmentationKind

  package init(_ kind: some AugmentationKind) { self.kind = kind }

  package static let kinds: [any AugmentationKind.Type] = [
    RandomHorizontalFlip.self, AlternatingFlip.self, RandomRotation.self, RandomTranslation.self,
    RandomCrop.self, ColorJitter.self, ImageDataGenerator.self, TrivialAugmentWide.self,
    RandAugment.self, Cutout.self, RandomErasing.self, Mixup.self, Cutmix.self,
  ]

  /// What JSON calls them.
  public static let types = kinds.map { $0.type }

  public var type: String { kind.type }

  /// - Throws: `invalidArgument`, naming the option and its range.
  public func validate() throws { try kind.validate(as: type) }

  /// Makes sure that it can be done to images of a shape.
  ///
  /// - Throws: `invalidArgument`.
  func validate(for shape: ImageShape) throws {
    guard let conflict = kind.conflict(with: shape) else { return }
    throw CifarError(.invalidArgument, "\(type): \(conflict)")
  }

  /// - Throws: `invalidArgument` also for an invalid order.
  public static func validate(_ list: [Augmentation]) throws {
    for augmentation in list { try augmentation.validate() }
    for (one, next) in zip(list, list.dropFirst()) where one.kind.stage > next.kind.stage {
      throw CifarError(
        .invalidArgument, "\(one.type) works on \(one.kind.stage): it comes after \(next.type)")
    }
  }
}

/// What an augmentation works on. Those of a later stage come after all of an earlier one.
package enum AugmentationStage: Int, Comparable, CustomStringConvertible {
  /// Bytes of one image, or numbers that are made bytes again.
  case image
  /// Normalised numbers of one image.
  case normalized
  /// All images of a batch, normalised.
  case batch

  package var description: String {
    switch self {
    case .image: "images"
    case .normalized: "normalised numbers"
    case .batch: "whole batches"
    }
  }

  package static func < (one: AugmentationStage, other: AugmentationStage) -> Bool {
    one.rawValue < other.rawValue
  }
}

/// A kind of augmentation: its options, and what it works on. Each is an `ImageAugmentation` or a
/// `BatchAugmentation`, which have what it does.
package protocol AugmentationKind: OptionsKind {
  static var stage: AugmentationStage { get }
  /// What can't be done to images of a shape; nil for nothing.
  func conflict(with shape: ImageShape) -> String?
}

extension AugmentationKind {
  var stage: AugmentationStage { Self.stage }
  package func conflict(with shape: ImageShape) -> String? { nil }
}

/// A change of one image by itself.
package protocol ImageAugmentation: AugmentationKind {
  func apply(to image: AugmentedImage, _ random: inout RandomSequence)
}

extension ImageAugmentation {
  package static var stage: AugmentationStage { .image }
}

/// A mix of the images of a batch and of their labels. Of several in a list, one is drawn for each
/// batch, as by torchvision's `RandomChoice`.
package protocol BatchAugmentation: AugmentationKind {
  /// How a batch is mixed; nil for a batch that stays as it is.
  func draw(for shape: ImageShape, _ random: inout RandomSequence) -> ImageMix?
}

extension BatchAugmentation {
  package static var stage: AugmentationStage { .batch }
}

extension Augmentation: Equatable {
  public static func == (one: Augmentation, other: Augmentation) -> Bool {
    one.kind.isEqual(to: other.kind)
  }
}

extension Augmentation: Codable {
  public init(from decoder: any Decoder) throws {
    let index = try OptionsKinds.index(in: Augmentation.types, from: decoder, "augmentation")
    kind = try Augmentation.kinds[index].init(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws { try OptionsKinds.encode(kind, to: encoder) }
}
