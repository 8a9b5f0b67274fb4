import CifarCore

extension LayerSpec {
  /// What the filters of a convolution are before training, where that is not drawn as the dialect
  /// draws them.
  public enum Initializer: String, Codable, CaseIterable, Sendable {
    /// The first filters, one an input channel, pass their channel on unchanged; the others are drawn.
    /// With as many filters as channels it is PyTorch's `dirac_`.
    case dirac
    /// The first half of the filters makes the patches of the training images uncorrelated and of
    /// variance 1, the second is their negative: see `Whitening`.
    case whitening

    /// - Parameter inputs: numbers of one filter.
    /// - Throws: `invalidArgument` for a convolution that it does not fit.
    func check(filters: Int, inputs: Int) throws {
      guard self == .whitening, filters != 2 * inputs else { return }
      throw CifarError(
        .invalidArgument,
        "whitening makes two filters of each of the \(inputs) numbers of a patch: filters is "
          + "\(filters), not \(2 * inputs)")
    }
  }
}
