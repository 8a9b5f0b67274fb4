import Cifar
import CifarCore
import CifarData
import CifarNN
import CifarTraining
import CommandSupport

/// `cifar evaluate`: how good a stored model is.
enum EvaluateCommand {
  static var command: Command {
    Command(
      "evaluate", summary: "measures a run's model, or an exported one, on test images",
      positionals: [
        Positional(
          "RUN|FILE",
          help: "a run's id or name, or a .safetensors file; ./NAME is always a file")
      ],
      options: [
        .checkpoint, .data,
        Option("--limit-test", value: "N", help: "use the first N test images only"), .threads,
        .registry,
        .precision, .calibration,
        Option("--classes", help: "also precision, recall and F1 of every class, and confusions"),
        Option(
          "--flips", help: "average each image's probabilities with those of its mirror image"),
        Option(
          "--tta", value: "NAME",
          help:
            "also with test-time augmentation: the mean logits of an image and its mirror image\n"
            + "(mirror), or of shifted ones too (mirror_translate)",
          choices: TestTimeAugmentation.allCases.map(\.rawValue)),
        Option("--json", help: "JSON instead of a line"),
      ],
      discussion: """
        Of a run, the best checkpoint is measured unless --checkpoint names another. Without \
        --data the test images are those that the model was trained with.
        """,
      examples: [
        "cifar evaluate baseline", "cifar evaluate model.safetensors --data ~/cifar10",
        "cifar evaluate 3f2a --checkpoint last --json",
      ], run: run)
  }

  private struct Result: Encodable {
    var loss: JSONValue
    var accuracy: Double
    var images: Int
    var epoch: Int
    var topFiveAccuracy: Double
    var macroF1: Double
    var flips: Bool
    var classes: [Scores]
    /// With 95 % confidence.
    var accuracyInterval: [Double]
    /// Whether these images, or some of them, chose the epoch.
    var choseEpoch: Bool
    /// What it was computed in.
    var precision: String
    /// Rows are labels, columns predictions.
    var confusion: [[Int]]
    /// With test-time augmentation.
    var tta: Augmented?

    struct Augmented: Encodable {
      var augmentation: String
      var loss: JSONValue
      var accuracy: Double
      var topFiveAccuracy: Double
      var macroF1: Double

      enum CodingKeys: String, CodingKey {
        case augmentation, loss, accuracy
        case topFiveAccuracy = "top5_accuracy"
        case macroF1 = "macro_f1"
      }
    }

    struct Scores: Encodable {
      var name: String
      var precision: Double
      var recall: Double
      var f1: Double
      var support: Int
    }

    enum CodingKeys: String, CodingKey {
      case loss, accuracy, images, epoch, flips, precision, classes, confusion, tta
      case topFiveAccuracy = "top5_accuracy"
      case macroF1 = "macro_f1"
      case accuracyInterval = "accuracy_interval"
      case choseEpoch = "chose_epoch"
    }

    init(_ result: Evaluation, of model: Model, choseEpoch: Bool) {
      accuracyInterval = [
        result.accuracyInterval.lowerBound, result.accuracyInterval.upperBound,
      ]
      self.choseEpoch = choseEpoch
      loss = .number(result.loss)
      accuracy = result.accuracy
      images = result.count
      epoch = model.epoch
      precision = model.precision.rawValue
      topFiveAccuracy = result.topFiveAccuracy
      macroF1 = result.macroF1
      flips = result.flips
      classes = result.classes.map {
        Scores(
          name: $0.name, precision: $0.precision, recall: $0.recall, f1: $0.f1,
          support: $0.support)
      }
      confusion = result.confusion
    }
  }

  private static func run(_ arguments: Arguments) throws {
    let limit = try arguments.integer("--limit-test", in: 1...Int.max)
    let model = try Stored.answeringModel(arguments, arguments.positionals[0])
    let data = arguments.value("--data") ?? model.hyperparameters.data?.location
    let record = model.hyperparameters.data
    let recorded =
      arguments.value("--data") == nil ? record?.testCount ?? record?.validationCount : nil
    let images = try Dataset.open(data, split: .test, limit: limit ?? recorded)
    let result = try model.evaluate(images, flips: arguments.has("--flips"))
    let interval = result.accuracyInterval
    let share = model.share(ofChoiceIn: images)
    let augmentation = try arguments.choice(
      "--tta", of: TestTimeAugmentation.allCases.map(\.rawValue)
    ).flatMap(TestTimeAugmentation.init(rawValue:))
    let augmented = try augmentation.map { try model.evaluate(images, augmentation: $0) }
    if arguments.has("--json") {
      var record = Result(result, of: model, choseEpoch: share != .none)
      if let augmentation, let augmented {
        record.tta = Result.Augmented(
          augmentation: augmentation.rawValue, loss: .number(augmented.loss),
          accuracy: augmented.accuracy, topFiveAccuracy: augmented.topFiveAccuracy,
          macroF1: augmented.macroF1)
      }
      return try JSONOutput.write(record)
    }
    Output.line(
      "loss \(Format.loss(result.loss))  accuracy \(Format.percent(result.accuracy))  top-5 "
        + "\(Format.percent(result.topFiveAccuracy))  on \(Format.count(result.count)) test images "
        + "of \(images.location ?? images.name), weights of epoch \(model.epoch)"
        + (result.flips ? ", averaged with mirror images" : "")
        + (model.precision == .float32 ? "" : ", in \(model.precision.rawValue)")
        + "; 95 % interval \(Format.percent(interval.lowerBound)) to "
        + Format.percent(interval.upperBound)
        + (share == .none
          ? ""
          : share == .all
            ? "; these images chose the epoch" : "; some of these images chose the epoch"))
    if let augmentation, let augmented {
      Output.line(
        "with test-time augmentation (\(augmentation.rawValue)): loss "
          + "\(Format.loss(augmented.loss))  accuracy \(Format.percent(augmented.accuracy))  top-5 "
          + Format.percent(augmented.topFiveAccuracy))
    }
    if arguments.has("--classes") { Output.write(table(result).text(for: .standardOutput)) }
  }

  private static func table(_ result: Evaluation) -> Table {
    var table = Table([
      .init("class", narrowest: 8), .init("precision", right: true), .init("recall", right: true),
      .init("F1", right: true), .init("images", right: true), .init("most taken for", rank: 1),
    ])
    for (index, scores) in result.classes.enumerated() {
      let others = result.confusion[index].enumerated().filter { $0.offset != index }
      let worst = others.max { ($0.element, $1.offset) < ($1.element, $0.offset) }
      let confusion =
        worst.map { $0.element == 0 ? "" : "\(result.classNames[$0.offset]) (\($0.element))" } ?? ""
      table.add([
        .init(scores.name), .init(Format.percent(scores.precision)),
        .init(Format.percent(scores.recall)), .init(Format.percent(scores.f1)),
        .init(Format.count(scores.support)), .init(confusion),
      ])
    }
    table.add([
      .init("mean", .dim), "", "", .init(Format.percent(result.macroF1)),
      .init(Format.count(result.count)), "",
    ])
    return table
  }
}

/// A stored model by what a person calls it.
enum Stored {
  /// As `model`, computing in what the command line asks for.
  static func answeringModel(_ arguments: Arguments, _ name: String) throws -> Model {
    let precision = try arguments.choice("--precision", of: Precision.allCases.map(\.rawValue))
    let model = try model(arguments, name)
    guard let precision = try precision.map(Precision.init(named:)) else {
      try refuseCalibration(arguments, "--precision int8")
      return model
    }
    if precision == .int8, !model.hyperparameters.modelSpec.isQuantized {
      return try quantized(model, arguments)
    }
    try refuseCalibration(arguments, "a model that is not quantized yet")
    try model.setPrecision(precision)
    return model
  }

  private static func refuseCalibration(_ arguments: Arguments, _ use: String) throws {
    if arguments.value("--calibration") != nil {
      throw UsageError("--calibration is for \(use)")
    }
  }

  /// The model, quantized with images of the training set that `--data` or the model names.
  static func quantized(_ model: Model, _ arguments: Arguments) throws -> Model {
    let count = try arguments.integer("--calibration", in: 1...1_000_000)
    let location = arguments.value("--data") ?? model.hyperparameters.data?.location
    let images: Dataset
    do {
      images = try Dataset.open(location, split: .train)
    } catch let error as CifarError {
      throw CifarError(
        error.code,
        "to quantize takes images of the training set: \(error.message); --data names another place"
      )
    }
    return try model.quantized(
      calibration: images, count: count ?? Model.calibrationImages)
  }

  /// As `StoredName` takes it; what is no run is a file if there is one.
  static func model(_ arguments: Arguments, _ name: String) throws -> Model {
    let threads = try arguments.threads()
    let choice = try arguments.checkpointChoice(default: .best)
    if case .file(let path) = StoredName(name) { return try Model(file: path, threads: threads) }
    do {
      return try Model(
        registryPath: arguments.registryPath(), run: name, checkpoint: choice, threads: threads)
    } catch let error as CifarError where error.code == .notFound {
      if FileName.isFile(name) { return try Model(file: name, threads: threads) }
      throw StoredName.unknown(name, error)
    }
  }
}
