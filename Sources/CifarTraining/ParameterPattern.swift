import CifarCore
import CifarNN

/// Which parameters: `0.weight` by name, `batch_norm.bias` with the layer's type in the place of its
/// number; `*` stands for any text.
struct ParameterPattern {
  let text: String

  init(_ text: String) { self.text = text }

  /// What is wrong with one, as a sentence that follows it; nil for nothing.
  static func fault(_ text: String) -> String? {
    text.isEmpty || text.utf8.count > 200 ? "is not a pattern of 1 to 200 bytes" : nil
  }

  /// Whether it names a parameter.
  ///
  /// - Parameters:
  ///   - name: `3.layers.0.weight`, say.
  ///   - layer: the type of its layer.
  func names(_ name: String, of layer: String) -> Bool {
    let last = name.split(separator: ".").last ?? ""
    let pattern = Array(text.utf8)[...]
    return [name, "\(layer).\(last)"].contains {
      ParameterPattern.matches(pattern, Array($0.utf8)[...])
    }
  }

  /// Each * is tried as short as possible; only the last one is ever made longer.
  private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
    let star = UInt8(ascii: "*")
    var (p, t) = (pattern.startIndex, text.startIndex)
    var retry: (p: Int, t: Int)?
    while t < text.endIndex {
      if p < pattern.endIndex, pattern[p] == star {
        p += 1
        retry = (p, t)
      } else if p < pattern.endIndex, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let last = retry {
        (p, t) = (last.p, last.t + 1)
        retry = (p, t)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == star }
  }
}

extension Hyperparameters {
  /// The names of the parameters that are not trained: of layers that are not `trainable`, and by
  /// `freeze`.
  ///
  /// - Throws: `invalidArgument` for a pattern that names nothing, and where nothing is left to train;
  ///   `shapeMismatch` for an invalid model.
  func frozenParameters() throws -> Set<String> {
    var names: Set<String> = []
    var all: [(name: String, layer: String)] = []
    for node in try modelSpec.nodes().flatMap(\.all) {
      let own = node.parameters.map { "\(node.path).\($0.name)" }
      all += own.map { ($0, node.spec.type) }
      if node.isFrozen { names.formUnion(own) }
    }
    for text in freeze ?? [] {
      let pattern = ParameterPattern(text)
      let matches = all.filter { pattern.names($0.name, of: $0.layer) }
      guard !matches.isEmpty else {
        throw CifarError(
          .invalidArgument,
          "freeze: '\(text.excerpt)' names none of the model's parameters; there are "
            + all.prefix(12).map(\.name).joined(separator: ", ") + (all.count > 12 ? ", …" : ""))
      }
      names.formUnion(matches.map(\.name))
    }
    guard names.count < all.count else {
      throw CifarError(
        .invalidArgument, "all \(all.count) parameters of the model are frozen: nothing is trained")
    }
    return names
  }
}
