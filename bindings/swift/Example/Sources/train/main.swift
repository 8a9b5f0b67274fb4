// Trains the tutorial's network on the built-in drawings, asks its model, and lists the runs.
//
//   swift run train 2         # two epochs
//   swift run train 2 1000    # on the first 1000 images of either part
import CifarKit
import Foundation

func train(epochs: Int, images: Int?) throws {
  let train = try Dataset("shapes", split: .train, limit: images)
  let test = try Dataset("shapes", split: .test, limit: images)
  var options = TrainOptions()
  options.epochs = Double(epochs)
  options.name = "from Swift"
  let trainer = try Trainer(train: train, validation: test, options: options)
  try trainer.run { event in
    guard case .epochEnd(let epoch) = event else { return .proceed }
    print("epoch \(epoch.epoch)  val_accuracy \(percent(epoch.valAccuracy))")
    // Kept beside the epoch's row; filters know it as metrics.gap.
    try trainer.record("gap", epoch.valLoss - epoch.trainLoss)
    return .proceed  // or .stop
  }

  let model = try trainer.model()
  print("accuracy \(percent(try model.evaluate(test).accuracy))")
  let answer = try model.predict(test.read(0..<1).images)[0]
  for (name, probability) in zip(model.classNames, answer) {
    print("\(percent(Double(probability)))  \(name)")
  }
}

func listRuns() throws {
  for run in try Registry().runs(sort: "best_val_accuracy") {
    print("\(run.id)  \(run.status)  \(run.epochs) epochs  best \(percent(run.bestValAccuracy))")
  }
}

func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

do {
  let numbers = CommandLine.arguments.dropFirst().map { Int($0) }
  try train(epochs: numbers.first.flatMap { $0 } ?? 2, images: numbers.dropFirst().first ?? nil)
  try listRuns()
} catch let error as CifarError {
  FileHandle.standardError.write(Data("train: \(error.status.name): \(error)\n".utf8))
  exit(1)
}
