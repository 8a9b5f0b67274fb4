import CifarCore
import CifarNN

/// Writes a model as a Python script that builds it in PyTorch and loads its weights, which a file
/// beside the script has under the names of `WeightNames.sequential`.
public struct PyTorchScript {
  private let model: ExportedModel
  private var usesResidual = false
  private var usesPaddedConvolution = false
  private var usesShiftNorm = false
  private var usesScale = false
  private var usesQuantize = false

  /// The text of the script.
  ///
  /// - Throws: `invalidArgument` or `shapeMismatch` for a spec that does not fit together.
  public static func text(_ model: ExportedModel) throws -> String {
    var script = PyTorchScript(model: model)
    let layers = try script.modules(of: model.spec.nodes(), indent: "        ")
    var lines = [
      "\"\"\"The model \(ScriptText.title(model)) in PyTorch, written by libcifar "
        + "\(LibraryVersion.string).",
      "",
      "python THIS.py [WEIGHTS.safetensors]    # else the file beside this one, of the same name",
      "\"\"\"", "",
      "import sys", "from pathlib import Path", "",
      "import torch", "from safetensors.torch import load_file", "from torch import nn", "",
    ]
    lines += ScriptText.constants(model)
    if script.usesResidual { lines += residual }
    if script.usesPaddedConvolution { lines += paddedConvolution }
    if script.usesShiftNorm { lines += shiftNorm }
    if script.usesScale { lines += scale }
    if script.usesQuantize { lines += quantize }
    lines += ["", "", "def build():", "    \"\"\"The network with weights drawn at random.\"\"\""]
    lines += ["    return nn.Sequential("] + layers + ["    )"]
    lines += rest(isQuantized: model.spec.isQuantized)
    return lines.joined(separator: "\n") + "\n"
  }

  private init(model: ExportedModel) { self.model = model }

  private mutating func modules(of nodes: [LayerNode], indent: String) -> [String] {
    nodes.flatMap { module(of: $0, indent: indent) }
  }

  private mutating func module(of node: LayerNode, indent: String) -> [String] {
    let inputs = node.input.channels
    switch node.spec {
    case .conv2d(let filters, let kernel, let stride, let padding, let bias, _, _, _):
      let (function, zeros) = convolution(node, kernel, stride, padding ?? .same)
      let strides = stride == 1 ? "" : ", stride=\(stride)"
      let options =
        "\(inputs), \(filters), \(kernel)\(strides)\(zeros)" + (bias ? "" : ", bias=False")
      return ScriptText.call(function, options, indent: indent)
    case .batchNorm(let momentum, let epsilon, _, let scale, _):
      let kind = if case .image = node.input { "BatchNorm2d" } else { "BatchNorm1d" }
      let options = "eps=\(epsilon ?? 1e-5), momentum=\(momentum ?? 0.1)"
      if !scale { usesShiftNorm = true }
      return ScriptText.call(
        scale ? "nn.\(kind)" : "ShiftNorm", "\(inputs), \(options)", indent: indent)
    case .relu: return ["\(indent)nn.ReLU(),"]
    case .gelu: return ["\(indent)nn.GELU(),"]
    case .maxPool(let size): return ["\(indent)nn.MaxPool2d(\(size)),"]
    case .avgPool: return ["\(indent)nn.AvgPool2d(2),"]
    case .globalAveragePool:
      return ["\(indent)nn.AdaptiveAvgPool2d(1),", "\(indent)nn.Flatten(),"]
    case .globalMaxPool:
      return ["\(indent)nn.AdaptiveMaxPool2d(1),", "\(indent)nn.Flatten(),"]
    case .scale(let factor):
      usesScale = true
      return ["\(indent)Scale(\(factor)),"]
    case .dropout(let rate): return ["\(indent)nn.Dropout(\(rate)),"]
    case .flatten: return ["\(indent)nn.Flatten(),"]
    case .quantize(let scale, let dtype):
      usesQuantize = true
      let range = "\(dtype.range.lowerBound), \(dtype.range.upperBound)"
      return ["\(indent)Quantize(\(Float(scale)), \(range)),"]
    case .dense(let units, let bias, _, _):
      return ["\(indent)nn.Linear(\(node.input.count), \(units)\(bias ? "" : ", bias=False")),"]
    case .residual:
      usesResidual = true
      let inner = indent + "        "
      let layers = modules(of: node.layers, indent: inner)
      let shortcut = modules(of: node.shortcut, indent: inner)
      let end =
        shortcut.isEmpty
        ? ["\(indent)    shortcut=nn.Sequential(),"]
        : ["\(indent)    shortcut=nn.Sequential("] + shortcut + ["\(indent)    ),"]
      return ["\(indent)Residual(", "\(indent)    layers=nn.Sequential("] + layers
        + ["\(indent)    ),"] + end + ["\(indent)),"]
    }
  }

  /// - Returns: the class, and its option for the zeros around the image.
  private mutating func convolution(
    _ node: LayerNode, _ kernel: Int, _ stride: Int, _ padding: LayerSpec.Padding
  ) -> (function: String, zeros: String) {
    guard case .image(_, let height, _) = node.input else { return ("nn.Conv2d", "") }
    let amounts = padding.amounts(size: height, kernel: kernel, stride: stride)
    if amounts.before == amounts.after {
      return ("nn.Conv2d", amounts.before > 0 ? ", padding=\(amounts.before)" : "")
    }
    usesPaddedConvolution = true
    return ("PaddedConv2d", ", zeros=(\(amounts.before), \(amounts.after))")
  }

  private static let residual = """


    class Residual(nn.Module):
        \"\"\"layers(x) + shortcut(x).\"\"\"

        def __init__(self, layers, shortcut):
            super().__init__()
            self.layers = layers
            self.shortcut = shortcut

        def forward(self, x):
            return self.layers(x) + self.shortcut(x)
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let paddedConvolution = """


    class PaddedConv2d(nn.Conv2d):
        \"\"\"A convolution with other zeros before the image than after it, as Keras's `same`.\"\"\"

        def __init__(self, *arguments, zeros, **options):
            super().__init__(*arguments, **options)
            self.zeros = 2 * zeros

        def forward(self, x):
            return super().forward(nn.functional.pad(x, self.zeros))
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let shiftNorm = """


    class ShiftNorm(nn.Module):
        \"\"\"Batch norm of images or rows whose scale is 1 and not trained.\"\"\"

        def __init__(self, channels, eps, momentum):
            super().__init__()
            self.eps, self.momentum = eps, momentum
            self.bias = nn.Parameter(torch.zeros(channels))
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))
            self.register_buffer("num_batches_tracked", torch.tensor(0))  # as other norms have it

        def forward(self, x):
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, None, self.bias, self.training,
                self.momentum, self.eps)
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let scale = """


    class Scale(nn.Module):
        \"\"\"factor * x.\"\"\"

        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            return self.factor * x
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let quantize = """


    class Quantize(nn.Module):
        \"\"\"scale * q, q = x / scale rounded and kept between low and high.\"\"\"

        def __init__(self, scale, low, high):
            super().__init__()
            self.scale, self.low, self.high = scale, low, high

        def forward(self, x):
            scale = torch.tensor(self.scale)
            return torch.clamp(torch.round(x / scale), self.low, self.high) * scale
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static func rest(isQuantized: Bool) -> [String] {
    let function = isQuantized ? dequantized : []
    let tensors = isQuantized ? "dequantized(load_file(path))" : "load_file(path)"
    return function + end.map { $0.replacing("load_file(path)", with: tensors) }
  }

  private static let dequantized = """


    def dequantized(tensors):
        \"\"\"Weights of int8 times their scales, which the file has beside them.\"\"\"
        ending = "_scale"
        for name in [name for name in tensors if name.endswith(ending)]:
            scales, weights = tensors.pop(name), tensors[name[:-len(ending)]]
            shape = -1, *[1] * (weights.dim() - 1)
            tensors[name[:-len(ending)]] = weights * scales.view(shape)
        return tensors
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  private static let end = """


    def normalize(images):
        \"\"\"(N, channels, height, width) bytes, red first, as the network takes them.\"\"\"
        shape = 1, -1, 1, 1
        mean, std = torch.tensor(MEAN).view(shape), torch.tensor(STD).view(shape)
        return (images.float() / 255 - mean) / std


    def load(path=Path(__file__).with_suffix(".safetensors")):
        \"\"\"The trained network, ready to infer: `load()(normalize(images)).softmax(1)`.\"\"\"
        network = build()
        network.load_state_dict(load_file(path))
        return network.eval()


    if __name__ == "__main__":
        print(load(*sys.argv[1:]))
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
}
