import CifarCore

/// An ONNX model as a value, and the bytes of its file: a `ModelProto` of onnx.proto, whose field
/// numbers these are.
struct ONNXModel {
  /// The newest that the graphs here need: batch normalisation has had its present form since 15, and
  /// all else for longer. Older opsets are read by more runtimes.
  static let opset = 15
  /// The file format that came with this opset.
  static let irVersion = 8

  struct Node {
    /// Also the name of what it computes.
    var name: String
    var operation: String
    var inputs: [String]
    var attributes: [(name: String, value: Attribute)] = []
  }

  enum Attribute {
    case integer(Int)
    case float(Float)
    case integers([Int])
  }

  struct Initializer {
    var name: String
    var shape: [Int]
    var values: [Float]
    /// What the numbers are stored as; those of integers are whole.
    var type = ElementType.float

    var bytes: Int { values.count * (type == .float ? MemoryLayout<Float>.stride : 1) }
  }

  /// An input or an output; nil in the shape is the number of images.
  struct Value {
    var name: String
    var type: ElementType
    var shape: [Int?]
  }

  enum ElementType: Int {
    case float = 1
    case uint8 = 2
    case int8 = 3
  }

  var name: String
  var documentation: String
  var nodes: [Node] = []
  var initializers: [Initializer] = []
  var input: Value
  var output: Value
  var metadata: [(key: String, value: String)] = []

  /// The bytes of a file.
  ///
  /// - Throws: `unsupported` for more than protocol buffers hold, 2 GiB; `outOfMemory`.
  func encoded() throws -> [UInt8] {
    let size = initializers.reduce(0) { $0 + $1.bytes }
    guard size < 2 << 30 - 1 << 20 else {
      throw CifarError(
        .unsupported, "the model has \(size) bytes of weights; ONNX files end at 2 GiB")
    }
    // The weights in a tensor, in the graph, and in the model.
    return try MemoryNeed.secured(3 * size + (1 << 20), for: "the bytes of an ONNX model") {
      var file = ProtobufWriter()
      file.integer(1, ONNXModel.irVersion)
      file.string(2, "libcifar")
      file.string(3, LibraryVersion.string)
      file.string(6, documentation)
      file.message(7, graph)
      file.message(8) {
        $0.string(1, "")
        $0.integer(2, ONNXModel.opset)
      }
      for (key, value) in metadata {
        file.message(14) {
          $0.string(1, key)
          $0.string(2, value)
        }
      }
      return file.bytes
    }
  }

  private func graph(_ graph: inout ProtobufWriter) {
    for node in nodes { graph.message(1) { ONNXModel.write(node, to: &$0) } }
    graph.string(2, name)
    for initializer in initializers {
      graph.message(5) { tensor in
        for dimension in initializer.shape { tensor.integer(1, dimension) }
        tensor.integer(2, initializer.type.rawValue)
        tensor.string(8, initializer.name)
        switch initializer.type {
        case .float: tensor.data(9, initializer.values)
        case .uint8, .int8:
          // Both have the same low byte.
          tensor.data(9, initializer.values.map { UInt8(truncatingIfNeeded: Int($0)) })
        }
      }
    }
    graph.message(11) { ONNXModel.write(input, to: &$0) }
    graph.message(12) { ONNXModel.write(output, to: &$0) }
  }

  private static func write(_ node: Node, to message: inout ProtobufWriter) {
    for input in node.inputs { message.string(1, input) }
    message.string(2, node.name)
    message.string(3, node.name)
    message.string(4, node.operation)
    for (name, value) in node.attributes {
      message.message(5) { attribute in
        attribute.string(1, name)
        // The last field is the type of the value.
        switch value {
        case .float(let number):
          attribute.float(2, number)
          attribute.integer(20, 1)
        case .integer(let number):
          attribute.integer(3, number)
          attribute.integer(20, 2)
        case .integers(let numbers):
          for number in numbers { attribute.integer(8, number) }
          attribute.integer(20, 7)
        }
      }
    }
  }

  private static func write(_ value: Value, to message: inout ProtobufWriter) {
    message.string(1, value.name)
    message.message(2) { type in
      type.message(1) { tensor in
        tensor.integer(1, value.type.rawValue)
        tensor.message(2) { shape in
          for dimension in value.shape {
            shape.message(1) {
              if let dimension { $0.integer(1, dimension) } else { $0.string(2, "N") }
            }
          }
        }
      }
    }
  }
}
