import Cifar
import CifarCore
import CifarData
import CommandSupport

/// `cifar predict`: what a stored model takes pictures for.
enum PredictCommand {
  static var command: Command {
    Command(
      "predict", summary: "tells what a run's model, or an exported one, takes pictures for",
      positionals: [
        Positional(
          "RUN|FILE",
          help: "a run's id or name, or a .safetensors file; ./NAME is always a file"),
        Positional("PICTURE", help: "PPM, PGM, PNG, JPEG …", repeats: true),
      ],
      options: [
        .checkpoint,
        Option("--top", value: "N", help: "classes to name, the most probable first (else 3)"),
        Option("--json", help: "JSON instead of a table, with the probability of every class"),
        .precision, .calibration,
        Option(
          "--data", value: "DIR",
          help: "with --precision int8: where the training images are (else where they were)"),
        .threads, .registry,
      ],
      discussion: """
        Of a run, the best checkpoint answers unless --checkpoint names another. A picture may have any \
        size: it is turned as its camera was held, cut to the model's proportions in its middle, and \
        shrunk or stretched. PPM and PGM files of the model's size are read as they are, everything else \
        by ImageMagick, GraphicsMagick or ffmpeg, whichever is installed.
        """,
      examples: [
        "cifar predict baseline cat.png", "cifar predict model.safetensors *.jpg --top 1",
        "cifar predict 3f2a cat.ppm --json",
      ], run: run)
  }

  private struct Answer: Encodable {
    struct Class: Encodable {
      var name: String
      var probability: Double
    }

    var picture: String
    /// The most probable first.
    var classes: [Class]
  }

  private static func run(_ arguments: Arguments) throws {
    let top = try arguments.integer("--top", in: 1...1000) ?? 3
    let model = try Stored.answeringModel(arguments, arguments.positionals[0])
    let pictures = arguments.positionals.dropFirst()
    var faults: [CifarError] = []
    let answers = try pictures.compactMap { path in
      do {
        return try answer(of: model, to: path)
      } catch let error as CifarError where error.code != .outOfMemory && pictures.count > 1 {
        // The others can be answered all the same.
        faults.append(error)
        return nil
      }
    }
    if !answers.isEmpty || faults.isEmpty { try show(answers, top, arguments) }
    guard let last = faults.popLast() else { return }
    for fault in faults { Output.error("cifar predict: \(fault)") }
    throw last
  }

  private static func answer(of model: Model, to path: String) throws -> Answer {
    let picture = try PictureFile(path, fitting: model.shape)
    var probabilities = [Float](repeating: 0, count: model.classNames.count)
    try model.predict(images: picture.bytes, count: 1, probabilities: &probabilities)
    let classes = zip(model.classNames, probabilities)
      .map { Answer.Class(name: $0, probability: Double($1)) }
    return Answer(picture: path, classes: classes.sorted { $0.probability > $1.probability })
  }

  private static func show(_ answers: [Answer], _ top: Int, _ arguments: Arguments) throws {
    if arguments.has("--json") { return try JSONOutput.write(answers) }
    var table = Table([
      .init("picture", narrowest: 8), .init("class"), .init("probability", right: true),
    ])
    for answer in answers {
      for (place, one) in answer.classes.prefix(top).enumerated() {
        table.add([
          .init(place == 0 ? answer.picture : ""), .init(one.name),
          .init(Format.percent(one.probability)),
        ])
      }
    }
    Output.write(table.text(for: .standardOutput))
  }
}
