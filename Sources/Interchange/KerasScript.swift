import CifarCore
import CifarNN

/// Writes a model as a Python script that builds it in Keras 3 and loads its weights, which a file
/// beside the script has under the names of `WeightNames.sequential`.
///
/// Keras has the channels of an image last: kernels of convolutions are (k, k, in, out), those of
/// dense layers (in, out), and `Flatten` goes through rows, columns and channels. The weights of what
/// follows a `Flatten`, up to the next dense layer, change their order.
public struct KerasScript {
  private var usesResidual = false
  private var usesQuantize = false
  /// The entries of the script's table, a line for each layer with weights.
  private var weights: [String] = []
  /// Channels, height and width that were flattened, until a dense layer has mixed them.
  private var flattened: String?
  private let modules: [String: String]

  /// The text of the script.
  ///
  /// - Throws: `invalidArgument` or `shapeMismatch` for a spec that does not fit together.
  public static func text(_ model: ExportedModel) throws -> String {
    let nodes = try model.spec.nodes()
    var script = KerasScript(modules: try WeightNames.sequential.modules(of: nodes))
    let layers = script.layers(of: nodes, indent: "        ", lastIsSoftmax: true)
    let size = model.spec.input
    var lines = [
      "\"\"\"The model \(ScriptText.title(model)) in Keras 3, written by libcifar "
        + "\(LibraryVersion.string).",
      "",
      "python THIS.py [WEIGHTS.safetensors]    # else the file beside this one, of the same name",
      "\"\"\"", "",
      "import sys", "from pathlib import Path", "",
      "import keras", "import numpy as np", "from keras import layers", "",
    ]
    lines += ScriptText.constants(model)
    lines += table + script.weights.map { "    \($0)," } + ["]"]
    if script.usesResidual { lines += residual }
    if script.usesQuantize { lines += quantize }
    lines += [
      "", "", "def build():", "    \"\"\"The network with weights drawn at random.\"\"\"",
      "    inputs = keras.Input((\(size[1]), \(size[2]), \(size[0])))",
      "    x = inputs",
      "    for layer in [",
    ]
    lines += layers
    lines += ["    ]:", "        x = layer(x)", "    return keras.Model(inputs, x)"]
    lines += rest
    return lines.joined(separator: "\n") + "\n"
  }

  private init(modules: [String: String]) { self.modules = modules }

  private mutating func layers(
    of nodes: [LayerNode], indent: String, lastIsSoftmax: Bool = false
  ) -> [String] {
    var lines: [String] = []
    for (index, node) in nodes.enumerated() {
      lines += layer(
        node, indent: indent, isSoftmax: lastIsSoftmax && index == nodes.count - 1)
    }
    return lines
  }

  private mutating func layer(
    _ node: LayerNode, indent: String, isSoftmax: Bool
  ) -> [String] {
    let name = "name=\"\(KerasScript.name(node))\""
    switch node.spec {
    case .conv2d(let filters, let kernel, let stride, let padding, let bias, _, let trainable, _):
      note(node)
      let (zeros, word) = KerasScript.padding(node, kernel, stride, padding ?? .same)
      let strides = stride == 1 ? "" : ", strides=\(stride)"
      let options =
        "\(filters), \(kernel)\(strides), padding=\"\(word)\", \(bias ? "" : "use_bias=False, ")"
        + "\(KerasScript.word(trainable))\(name)"
      let before = zeros.map { ["\(indent)layers.ZeroPadding2D(\($0)),"] } ?? []
      return before + ScriptText.call("layers.Conv2D", options, indent: indent)
    case .batchNorm(let momentum, let epsilon, _, let scale, let trainable):
      note(node)
      // Keras counts the weight of the old value.
      let kept = 1 - (momentum ?? 0.01)
      let rounded = (kept * 1e12).rounded() / 1e12
      let options =
        "momentum=\(rounded), epsilon=\(epsilon ?? 1e-3), \(scale ? "" : "scale=False, ")"
        + "\(KerasScript.word(trainable))\(name)"
      return ScriptText.call("layers.BatchNormalization", options, indent: indent)
    case .relu: return ["\(indent)layers.ReLU(),"]
    case .gelu: return ["\(indent)layers.Activation(\"gelu\"),"]
    case .maxPool(let size): return ["\(indent)layers.MaxPooling2D(\(size)),"]
    case .avgPool: return ["\(indent)layers.AveragePooling2D(2),"]
    case .globalAveragePool: return ["\(indent)layers.GlobalAveragePooling2D(),"]
    case .globalMaxPool: return ["\(indent)layers.GlobalMaxPooling2D(),"]
    case .scale(let factor): return ["\(indent)layers.Rescaling(\(factor)),"]
    case .dropout(let rate): return ["\(indent)layers.Dropout(\(rate)),"]
    case .flatten:
      if case .image(let channels, let height, let width) = node.input {
        flattened = "(\(channels), \(height), \(width))"
      }
      return ["\(indent)layers.Flatten(),"]
    case .quantize(let scale, let dtype):
      usesQuantize = true
      let range = "\(dtype.range.lowerBound), \(dtype.range.upperBound)"
      return ["\(indent)Quantize(\(Float(scale)), \(range)),"]
    case .dense(let units, let bias, let trainable, _):
      note(node)
      flattened = nil
      let activation = isSoftmax ? ", activation=\"softmax\"" : ""
      let options =
        "\(units)\(activation), \(bias ? "" : "use_bias=False, ")"
        + "\(KerasScript.word(trainable))\(name)"
      return ScriptText.call("layers.Dense", options, indent: indent)
    case .residual:
      usesResidual = true
      let before = flattened
      let main = layers(of: node.layers, indent: indent + "        ")
      let after = flattened
      flattened = before
      let shortcut = layers(of: node.shortcut, indent: indent + "        ")
      // Both ways end in the same shape, and in the same order of its numbers.
      flattened = node.layers.isEmpty ? before : after
      let end =
        shortcut.isEmpty
        ? ["\(indent)    shortcut=[],"]
        : ["\(indent)    shortcut=["] + shortcut + ["\(indent)    ],"]
      return ["\(indent)Residual(", "\(indent)    layers=["] + main + ["\(indent)    ],"] + end
        + ["\(indent)),"]
    }
  }

  /// Puts a layer into the table of weights.
  private mutating func note(_ node: LayerNode) {
    let module = modules[node.path] ?? node.path
    let order = flattened ?? "None"
    weights.append("(\"\(KerasScript.name(node))\", \"\(module)\", \(order))")
  }

  private static func word(_ trainable: Bool) -> String {
    trainable ? "" : "trainable=False, "
  }

  private static func name(_ node: LayerNode) -> String {
    node.spec.type + "_" + node.path.replacing(".", with: "_")
  }

  /// - Returns: the zeros of a layer of their own, and Keras's word.
  private static func padding(
    _ node: LayerNode, _ kernel: Int, _ stride: Int, _ padding: LayerSpec.Padding
  ) -> (zeros: Int?, word: String) {
    guard padding != .valid, case .image(_, let height, _) = node.input else {
      return (nil, "valid")
    }
    let amounts = padding.amounts(size: height, kernel: kernel, stride: stride)
    let same = LayerSpec.Padding.sameUpper.amounts(size: height, kernel: kernel, stride: stride)
    return amounts == same ? (nil, "same") : (amounts.before, "valid")
  }

  private static let table = """

    # Each layer with weights, the module that they belong to in the file and, of what follows a
    # Flatten, the shape that was flattened there, channels first.
    WEIGHTS = [
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let residual = """


    class Residual:
        \"\"\"layers(x) + shortcut(x).\"\"\"

        def __init__(self, layers, shortcut):
            self.layers = layers
            self.shortcut = shortcut

        def __call__(self, x):
            y = x
            for layer in self.layers:
                y = layer(y)
            for layer in self.shortcut:
                x = layer(x)
            return layers.add([y, x])
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let quantize = """


    class Quantize(layers.Layer):
        \"\"\"scale * q, q = x / scale rounded and kept between low and high.\"\"\"

        def __init__(self, scale, low, high, **options):
            super().__init__(**options)
            self.scale, self.low, self.high = scale, low, high

        def call(self, x):
            scale = keras.ops.convert_to_tensor(self.scale, "float32")
            return keras.ops.clip(keras.ops.round(x / scale), self.low, self.high) * scale

        def get_config(self):
            own = {"scale": self.scale, "low": self.low, "high": self.high}
            return {**super().get_config(), **own}
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let rest = """


    def normalize(images):
        \"\"\"(N, height, width, channels) bytes, red first, as the network takes them.\"\"\"
        return (images.astype("float32") / 255 - np.array(MEAN, "float32")) / np.array(STD, "float32")


    def assign(network, tensors):
        \"\"\"Hands the layers their weights: arrays by their names in the file.\"\"\"
        for name, module, shape in WEIGHTS:
            arrays = []
            for end in (".weight", ".bias", ".running_mean", ".running_var"):
                if module + end not in tensors:
                    continue
                array = np.asarray(tensors[module + end])
                scales = tensors.get(module + end + "_scale")
                if scales is not None:  # weights of int8
                    array = array * scales.reshape(-1, *[1] * (array.ndim - 1))
                if array.ndim == 4:  # (out, in, k, k)
                    array = array.transpose(2, 3, 1, 0)
                elif array.ndim == 2:  # (out, in)
                    array = reorder(array, shape).T
                elif module + ".running_mean" in tensors:  # of a batch normalization
                    array = reorder(array, shape)
                arrays.append(array)
            network.get_layer(name).set_weights(arrays)


    def reorder(array, shape):
        \"\"\"The last axis, which is (C, H, W) flattened, as (H, W, C).\"\"\"
        if shape is None:
            return array
        parts = array.reshape(-1, *shape).transpose(0, 2, 3, 1)
        return parts.reshape(array.shape)


    def load(path=Path(__file__).with_suffix(".safetensors")):
        \"\"\"The trained network: `load().predict(normalize(images))` are probabilities.\"\"\"
        from safetensors.numpy import load_file

        network = build()
        assign(network, load_file(path))
        return network


    if __name__ == "__main__":
        load(*sys.argv[1:]).summary()
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
}
