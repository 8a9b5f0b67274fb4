import Cifar
import CifarRegistry
import CommandSupport

extension RunPage {
  /// `Classes: the best checkpoint, of epoch 8, on the 5,000 images of the validation split`
  var classTitle: String {
    get throws {
      guard let evaluation = run.evaluation else { return "Classes" }
      let count = Format.count(evaluation.confusion.joined().reduce(0, +))
      let images =
        switch try run.choices.validation {
        case .test: "\(count) test images"
        case .split: "\(count) images of the validation split"
        case nil: "\(count) images validated on"
        }
      return "Classes: the best checkpoint, of epoch \(evaluation.epoch), on the \(images)"
    }
  }

  /// How the best weights do, class by class.
  var classTable: Table {
    var table = Table([
      .init("CLASS"), .init("IMAGES", right: true), .init("RECALL", right: true),
      .init("PRECISION", right: true), .init("MOST OFTEN TAKEN FOR", rank: 1),
    ])
    guard let evaluation = run.evaluation else { return table }
    let confusion = evaluation.confusion
    for (index, name) in evaluation.classNames.enumerated() {
      let images = confusion[index].reduce(0, +)
      let predicted = confusion.reduce(0) { $0 + $1[index] }
      func share(_ whole: Int) -> String {
        whole == 0 ? "–" : Format.percent(Double(confusion[index][index]) / Double(whole))
      }
      let wrong = confusion[index].enumerated().filter { $0.offset != index && $0.element > 0 }
      let most = wrong.max { $0.element < $1.element }
      table.add([
        .init(name), .init("\(images)"), .init(share(images)), .init(share(predicted)),
        .init(most.map { "\(evaluation.classNames[$0.offset]) (\($0.element))" } ?? ""),
      ])
    }
    return table
  }

  var sessionTable: Table {
    var table = Table([
      .init("STARTED"), .init("TIME", right: true, rank: 2), .init("STATUS"),
      .init("FROM", rank: 1), .init("MACHINE", rank: 3, narrowest: 10), .init("CPU", rank: 5),
      .init("THREADS", right: true, rank: 6), .init("VERSION", rank: 7),
      .init("REASON", rank: 4, narrowest: 12),
    ])
    for row in run.sessions {
      let start = row.resumedFrom.map {
        "epoch \($0.epoch)" + ($0.batch == 0 ? "" : " + \($0.batch) batches")
      }
      table.add([
        .init(
          Format.localTime(secondsSince1970: row.started.secondsSince1970, seconds: true)),
        .init(Format.duration(row.durationSeconds)), .init(row.status.rawValue, row.status.style),
        .init(start ?? "the beginning"), .init(row.host), .init(row.info.instructionSet),
        .init("\(row.info.threads)"), .init(row.info.libraryVersion), .init(row.reason),
      ])
    }
    return table
  }
}
