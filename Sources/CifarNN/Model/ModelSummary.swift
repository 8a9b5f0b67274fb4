/// What a model is made of, for a person to look at: a table such as Keras's `summary()` prints.
///
/// Shapes are those of the arrays, channels first: (None, C, H, W), or (None, N) for flat values;
/// None is the number of images.
public struct ModelSummary: Equatable, Sendable, Encodable {
  /// One layer. Its numbers are its own, so a column adds up to the total: a residual block has no
  /// parameters but those of the layers inside it, and costs the additions of its sum.
  public struct Row: Equatable, Sendable, Encodable {
    /// Its place, `3` or `3.layers.0`: the name of its weights in a checkpoint.
    public let name: String
    public let type: String
    /// Residual blocks around it.
    public let depth: Int
    /// Of one image: (C, H, W) or (N).
    public let outputShape: [Int]
    /// Numbers that are trained.
    public let trainable: Int
    /// Numbers that it keeps besides: running means and variances, and what is not `trainable`.
    public let nonTrainable: Int
    /// Additions and multiplications for one image.
    public let flops: Int
    /// Its options that the shape does not tell. What the dialect decides is not among them as long
    /// as the spec is not resolved.
    public let options: [String: LayerOption]
    /// The same as text: `kernel_size 3, stride 1, padding same`.
    let optionText: String

    private enum CodingKeys: String, CodingKey {
      case name, type, depth, trainable, flops, options
      case outputShape = "output_shape"
      case nonTrainable = "non_trainable"
    }
  }

  /// Of one image: (C, H, W), or (N).
  public let inputShape: [Int]
  /// The layers in the order in which they are written down, a residual block before what is in it.
  public let rows: [Row]
  public let trainable: Int
  public let nonTrainable: Int
  public let flops: Int
  /// The units of the last layer if it is dense; 0 while it is not.
  public let classes: Int

  private enum CodingKeys: String, CodingKey {
    case trainable, flops, classes
    case inputShape = "input_shape"
    case rows = "layers"
    case nonTrainable = "non_trainable"
  }

  /// - Throws: `invalidArgument` or `shapeMismatch`, naming the layer. The spec need not be complete.
  public init(of spec: ModelSpec) throws {
    self.init(try spec.chain(), input: try spec.inputShape())
  }

  init(_ nodes: [LayerNode], input: ValueShape) {
    inputShape = input.dimensions
    rows = nodes.flatMap { Row.all(of: $0, depth: 0) }
    trainable = rows.reduce(0) { $0 + $1.trainable }
    nonTrainable = rows.reduce(0) { $0 + $1.nonTrainable }
    flops = rows.reduce(0) { $0 + $1.flops }
    if case .dense(let units, _, _, _)? = nodes.last?.spec { classes = units } else { classes = 0 }
  }

  /// The table and the totals, each line ended by a newline.
  public var text: String {
    var table = TextTable(
      ["Layer (type)", "Output shape", "Params", "FLOPs", "Options"],
      alignment: [.left, .left, .right, .right, .left])
    for row in rows {
      table.add([
        String(repeating: "  ", count: row.depth) + "\(row.name) (\(row.type))",
        ModelSummary.batch(row.outputShape), ModelSummary.grouped(row.trainable + row.nonTrainable),
        ModelSummary.grouped(row.flops), row.optionText,
      ])
    }
    var text = "Input \(ModelSummary.batch(inputShape))\n" + table.text
    func total(_ name: String, _ count: Int) {
      text += "\(name): \(ModelSummary.grouped(count)) (\(ByteCount.text(4 * count)))\n"
    }
    total("Total params", trainable + nonTrainable)
    total("Trainable params", trainable)
    total("Non-trainable params", nonTrainable)
    return text + "FLOPs of one image: \(ModelSummary.grouped(flops))\n"
  }

  /// (None, C, H, W)
  static func batch(_ shape: [Int]) -> String {
    "(" + (["None"] + shape.map { "\($0)" }).joined(separator: ", ") + ")"
  }

  /// 1342122 as `1,342,122`.
  private static func grouped(_ value: Int) -> String {
    let digits = Array(String(value))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }
}

extension ModelSummary.Row {
  fileprivate static func all(of node: LayerNode, depth: Int) -> [Self] {
    let options = node.spec.description.options.filter { !$0.isInShape }
    let own = Self(
      name: node.path, type: node.spec.type, depth: depth, outputShape: node.output.dimensions,
      trainable: node.isFrozen ? 0 : node.parameterCount,
      nonTrainable: node.statisticCount + (node.isFrozen ? node.parameterCount : 0),
      flops: node.flops,
      options: Dictionary(
        options.compactMap { option in option.value.map { (option.name, $0) } },
        uniquingKeysWith: { $1 }),
      optionText: text(of: options))
    return [own] + (node.layers + node.shortcut).flatMap { all(of: $0, depth: depth + 1) }
  }

  /// `momentum 0.1, rest by dialect`
  private static func text(of options: [LayerDescription.Option]) -> String {
    var words = options.compactMap { option in option.value.map { "\(option.name) \($0)" } }
    let open = options.count - words.count
    if open > 0 { words.append(words.isEmpty ? "by dialect" : "rest by dialect") }
    return words.joined(separator: ", ")
  }
}

extension ValueShape {
  var dimensions: [Int] {
    switch self {
    case .image(let channels, let height, let width): [channels, height, width]
    case .flat(let count): [count]
    }
  }
}
