import Cifar
import CifarCore
import CifarData
import CifarTraining
import CommandSupport
import Glibc

/// `cifar lr-find`: a learning rate for a training.
enum RateCommand {
  static var command: Command {
    let options =
      [
        .data, TrainCommand.recipe, .model, TrainCommand.initialization,
        Option("--start", value: "X", help: "the rate of the first step (else 1e-7)"),
        Option("--end", value: "X", help: "the rate of the last step (else 10)"),
        Option("--steps", value: "N", help: "steps, 10 to 10000 (else 100)"),
        Option(
          "--svg", value: "FILE",
          help: "also draw the curve as a picture: .svg or .png; - is standard output"),
        .force,
        Option("--batch-size", value: "N", help: "images in a training step (else 64)"),
        Option("--seed", value: "N", help: "where all random numbers come from (else 0)"),
        Option("--limit-train", value: "N", help: "use the first N training images only"),
        .threads, .registry,
        Option("--quiet", help: "print nothing but the suggested rate"),
      ] + HyperparameterOptions.ofRates
    return Command(
      "lr-find", summary: "looks for a learning rate by a short training with all of them",
      options: options,
      unused: TrainCommand.command(nil).options.map(\.name),
      discussion: """
        The rate grows from step to step by the same factor, and the loss of each step is looked at, \
        smoothed (Smith 2015). The test ends where the loss is four times its smallest. Suggested is the \
        rate at which the loss falls fastest, or a tenth of that at which it is smallest, if that is less \
        and the loss has grown after it. Options are those of the training that needs the rate, as far as \
        they have a part in it: schedule, callbacks, averages of weights, test-time augmentation and the \
        number of epochs have none, also where --hyperparameters has them. With --validation-split it \
        trains on the images that the training will have. Nothing is recorded. Where the loss falls by \
        no more than batches differ the curve is drawn all the same, with what it falls by, and the exit \
        code is 1. A .png picture is made by the system's rsvg-convert (Debian's package librsvg2-bin).
        """,
      examples: [
        "cifar lr-find",
        "cifar lr-find --recipe keras --optimizer sgd,momentum=0.9 --svg rates.svg",
        "cifar train --learning-rate $(cifar lr-find --quiet)",
      ], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let request = try TrainCommand.request(arguments)
    try request.check()
    var test = RateRangeTest()
    if let start = try arguments.number("--start") { test.start = start }
    if let end = try arguments.number("--end") { test.end = end }
    if let steps = try arguments.integer("--steps", in: 10...RateRangeTest.mostSteps) {
      test.steps = steps
    }
    guard test.start > 0, test.end > test.start else {
      throw UsageError(
        "--start \(test.start) and --end \(test.end) are not above 0, the second the larger")
    }
    if let file = arguments.value("--svg") {
      try Picture.check(file, arguments, option: "--svg")
    }
    let limit = try arguments.integer("--limit-train", in: 1...Int.max)
    let threads = try arguments.threads()
    let train = try Dataset.open(arguments.value("--data"), split: .train, limit: limit)
    let hyperparameters = try request.hyperparameters(for: train)
    let weights = try TrainCommand.initialWeights(arguments, for: hyperparameters)
    for remark in weights?.remarks(for: hyperparameters) ?? [] { Output.error("cifar: \(remark)") }
    let quiet = arguments.has("--quiet")
    Interruption.handle()
    let terminal = Terminal.standardOutput
    var count = 0
    let range = try test.run(hyperparameters, train: train, weights: weights, threads: threads) {
      try Interruption.check()
      count += 1
      if terminal.canRedraw, !quiet {
        Output.redraw(
          "step \(count)/\(test.steps)  lr \(Format.short($0.rate))  loss "
            + Format.loss($0.smoothedLoss))
      }
      return true
    }
    if terminal.canRedraw, !quiet { Output.redraw("") }
    if let file = arguments.value("--svg") {
      let plot = SVGPlot(title: title, series: series(of: range), scale: scale)
      try Picture.write(SVGPlot.document([plot]), to: file, arguments, option: "--svg")
    }
    // A picture on the standard output is all that is there.
    if !quiet, arguments.value("--svg") != "-" {
      let plot = TerminalPlot(
        title: title, series: series(of: range), width: min(terminal.width ?? 80, 120), height: 14,
        scale: scale)
      Output.write(plot.text(for: terminal))
    }
    guard let suggestion = range.suggestion else { throw CifarError(.notFound, range.reason) }
    if quiet { return Output.line(RateRange.text(suggestion)) }
    if arguments.value("--svg") == "-" { return Output.message(range.reason + "\n") }
    Output.line(range.reason)
    Output.line("--learning-rate \(RateRange.text(suggestion))")
  }

  private static let title = "loss while the learning rate grows"
  private static let scale = PlotScale.exponents(title: "learning rate")

  /// What lies above the losses that training begins with ends at the picture's upper edge: where it
  /// diverges nothing else would be seen.
  private static func series(of range: RateRange) -> [PlotSeries] {
    func points(
      _ value: (RateRangeTest.Point) -> Double
    ) -> [(x: Double, y: Double)] {
      range.points.map { (log10($0.rate), value($0)) }
    }
    let lowest = range.points.indices.min {
      range.points[$0].smoothedLoss < range.points[$1].smoothedLoss
    }
    let most = 1.2 * (range.points[...(lowest ?? 0)].map(\.smoothedLoss).max() ?? 0)
    return [
      PlotSeries(label: "loss", points: points { min($0.loss, most) }),
      PlotSeries(label: "smoothed", points: points { min($0.smoothedLoss, most) }),
    ]
  }
}
