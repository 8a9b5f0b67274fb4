import CifarCore

/// One random change of a training image. A recipe lists them in the order in which they happen.
///
/// In JSON: `{"type": "random_rotation", "degrees": 15}`, and so on; what is left out is as in
/// torchvision and Keras.
public struct Augmentation: Sendable {
  package let kind: any AugmentationKind

  package init(_ kind: some AugmentationKind) { self.kind = kind }

  package static let kinds: [any AugmentationKind.Type] = [
    RandomHorizontalFlip.self, AlternatingFlip.self, RandomRotation.self, RandomTranslation.self,
    RandomCrop.self,
    ColorJitter.self, ImageDataGenerator.self, Cutout.self, RandomErasing.self,
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
    if let first = list.firstIndex(where: \.kind.erases),
      let later = list[first...].first(where: { !$0.kind.erases })
    {
      throw CifarError(
        .invalidArgument,
        "\(list[first].type) works on normalised numbers: it comes after \(later.type)")
    }
  }
}

/// A kind of augmentation: its options, and what it does to an image.
package protocol AugmentationKind: OptionsKind {
  /// Whether it works on normalised numbers, and so after all that work on images.
  static var erases: Bool { get }
  /// What can't be done to images of a shape; nil for nothing.
  func conflict(with shape: ImageShape) -> String?
  func apply(to image: AugmentedImage, _ random: inout RandomSequence)
}

extension AugmentationKind {
  package static var erases: Bool { false }
  var erases: Bool { Self.erases }
  package func conflict(with shape: ImageShape) -> String? { nil }
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
