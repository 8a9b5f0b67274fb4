import CifarCore

/// Weights as int8, with a scale for each output in a tensor of its own: `0.weight` and `0.weight_scale`.
/// The weights are the products, which are exact with the scales of this library.
public enum QuantizedTensor {
  /// Of a tensor that is stored as int8, the name of its scales.
  static func scaleName(of name: String) -> String { "\(name)_scale" }

  /// The scales of the tensors that have some, by the names of these.
  static func scales(in tensors: [Tensor]) -> [String: Tensor] {
    let possible = tensors.filter { $0.name.hasSuffix(scaleName(of: "")) && $0.shape.count == 1 }
    guard !possible.isEmpty else { return [:] }
    let byName = Dictionary(
      possible.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var result: [String: Tensor] = [:]
    for tensor in tensors {
      guard let scales = byName[scaleName(of: tensor.name)], scales.shape == [tensor.shape.first]
      else { continue }
      result[tensor.name] = scales
    }
    return result
  }

  /// The tensors, those of int8 times their scales.
  ///
  /// - Parameter int8: the names of these.
  /// - Throws: `badData`, naming the tensor, for scales that are missing or can't be.
  static func dequantized(_ tensors: [Tensor], _ int8: Set<String>) throws -> [Tensor] {
    if int8.isEmpty { return tensors }
    let all = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return try tensors.map { tensor in
      guard int8.contains(tensor.name) else { return tensor }
      let name = scaleName(of: tensor.name)
      guard let scales = all[name] else {
        throw CifarError(
          .badData,
          "tensor '\(tensor.name.excerpt)' is I8, and its scales, '\(name.excerpt)', are missing")
      }
      guard scales.shape == [tensor.shape.first ?? 1] else {
        throw CifarError(
          .badData,
          "tensor '\(name.excerpt)' has the shape \("\(scales.shape)".excerpt): there is one scale for "
            + "each of the \(tensor.shape.first ?? 1) outputs of '\(tensor.name.excerpt)'")
      }
      try check(positive: scales)
      var product = tensor
      let each = tensor.values.count / max(1, scales.values.count)
      for index in product.values.indices { product.values[index] *= scales.values[index / each] }
      return product
    }
  }

  /// - Throws: `badData` for a scale that is no number above 0.
  private static func check(positive scales: Tensor) throws {
    guard let place = scales.values.firstIndex(where: { !($0 > 0 && $0.isFinite) }) else { return }
    let value = scales.values[place].isNaN ? .nan : scales.values[place]
    throw CifarError(
      .badData,
      "tensor '\(scales.name.excerpt)' has \(value) at \(scales.index(of: place)), not a finite "
        + "number above 0")
  }

  /// Makes sure that the tensors that have scales beside them are whole multiples of these.
  ///
  /// - Throws: `badData`, naming the tensor.
  public static func check(_ tensors: [Tensor]) throws {
    let scales = scales(in: tensors)
    for tensor in tensors {
      if let scales = scales[tensor.name] { _ = try bytes(tensor, scales: scales) }
    }
  }

  /// The bytes of a tensor whose numbers are whole multiples of its scales.
  ///
  /// - Throws: `badData` for numbers that are not.
  static func bytes(_ tensor: Tensor, scales: Tensor) throws -> [UInt8] {
    try check(positive: scales)
    let each = tensor.values.count / max(1, scales.values.count)
    return try tensor.values.enumerated().map { index, value in
      guard let whole = multiple(value, of: scales.values[index / each]) else {
        throw CifarError(.badData, offGrid(tensor, index))
      }
      return UInt8(bitPattern: whole)
    }
  }

  /// nil where it is none, but for rounding.
  private static func multiple(_ value: Float, of scale: Float) -> Int8? {
    let quotient = value / scale
    let whole = quotient.rounded()
    guard let number = Int8(exactly: whole), (quotient - whole).magnitude <= 1e-4 else {
      return nil
    }
    return number
  }

  private static func offGrid(_ tensor: Tensor, _ index: Int) -> String {
    "tensor '\(tensor.name.excerpt)' has \(tensor.values[index]) at \(tensor.index(of: index)), which "
      + "is not a whole number from -128 to 127 times its scale in "
      + "'\(scaleName(of: tensor.name).excerpt)'"
  }
}
