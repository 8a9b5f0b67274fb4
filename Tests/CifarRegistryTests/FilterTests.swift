import CifarCore
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct FilterTests {
  let sample: Sample
  init() throws {
    sample = try Sample()
    for (index, name) in ["wide", "wide 2", "narrow", "nothing"].enumerated() {
      var run = Sample.run(name)
      run.recipe = index % 2 == 0 ? "keras" : "pytorch"
      run.hyperparameters =
        #"{"batch_size":\#(32 << index),"optimizer":{"learning_rate":\#([1e-3, 5e-4, 1e-4, 1][index])}}"#
      run.tags = index < 2 ? ["baseline", "tag \(index)"] : []
      let session = try sample.registry.createRun(run)
      if index < 3 {
        try session.record(
          epoch: Sample.epoch(1, accuracy: [0.9, 0.7, 0.8][index], loss: [0.3, 0.9, 0.6][index]))
        try session.record(metric: MetricRow(name: "f1", epoch: 1, value: Double(index)))
      }
      if index == 2 { try session.note("diverged\nlater") }
      try session.finish(status: index == 3 ? .failed : .completed, reason: "done")
    }
    try sample.registry.locked {
      try $0.execute("UPDATE runs SET started = '2020-05-06T07:08:09.000Z' WHERE id = 1")
    }
  }

  func names(_ filter: String) throws -> [String] {
    try sample.registry.runs(RunQuery(filter: filter, descending: false)).compactMap(\.name)
  }

  @Test(arguments: [
    ("val_accuracy > 0.75", ["wide", "narrow"]),
    ("val_accuracy>=70%", ["wide", "wide 2", "narrow"]),
    ("val_loss < 0.5 or recipe = pytorch", ["wide", "wide 2", "nothing"]),
    ("val_accuracy > 0.75 and recipe = keras and started > '2 days ago'", ["narrow"]),
    ("started < 2021-01-01", ["wide"]), ("started < '2020-05-07 12:00'", ["wide"]),
    ("not (recipe = keras)", ["wide 2", "nothing"]),
    ("not val_loss < 0.5", ["wide 2", "narrow", "nothing"]),
    ("val_loss is null", ["nothing"]),
    ("val_loss is not null and epochs = 1", ["wide", "wide 2", "narrow"]),
    ("tag = baseline", ["wide", "wide 2"]), ("tag = 'tag 1'", ["wide 2"]),
    ("tag is null", ["narrow", "nothing"]), ("tag != baseline", ["narrow", "nothing"]),
    ("name ~ WIDE", ["wide", "wide 2"]), ("name !~ wide", ["narrow", "nothing"]),
    ("name in (wide, narrow)", ["wide", "narrow"]),
    ("name not in (wide, narrow)", ["wide 2", "nothing"]),
    ("name = 'wide 2' OR name = \"nothing\"", ["wide 2", "nothing"]),
    ("note ~ later", ["narrow"]), ("status = failed", ["nothing"]),
    ("status in (failed, crashed)", ["nothing"]),
    ("learning_rate <= 0.0005", ["wide 2", "narrow"]),
    ("optimizer.learning_rate = 0.001", ["wide"]), ("batch_size >= 128", ["narrow", "nothing"]),
    ("hyperparameters.batch_size = 32", ["wide"]), ("metrics.f1 > 0", ["wide 2", "narrow"]),
    ("duration < 1h", ["wide", "wide 2", "narrow", "nothing"]), ("duration > 1d", []),
    ("seed = 9223372036854775808 and learning_rate = 1", ["nothing"]),
    ("seed > 9223372036854775807", ["wide", "wide 2", "narrow", "nothing"]),
    ("seed = 09223372036854775808 and name = wide", ["wide"]), ("seed > 9223372036854775808", []),
    ("seed < 9", []),
    ("seed < 10000000000000000000", ["wide", "wide 2", "narrow", "nothing"]), ("name = '%'", []),
    ("name ~ '%'", []), ("reason = done and host is not null and name == wide", ["wide"]),
    ("no.such.parameter = 1", []), ("name != wide", ["wide 2", "narrow", "nothing"]),
  ])
  func aFilterFinds(filter: String, expected: [String]) throws {
    #expect(try names(filter) == expected)
  }

  @Test(arguments: [
    ("val_acuracy > 0.8", 1, "did you mean val_accuracy"), ("", 1, "empty"),
    ("epochs > 1 and val_loss >> 3", 26, "value"), ("epochs > many", 10, "number"),
    ("(epochs > 1", 12, ")"), ("epochs > 1)", 11, "unexpected"),
    ("epochs > 1 recipe = x", 12, "unexpected"), ("name = 'open", 8, "closing"),
    ("started > soon", 11, "time"),
    ("started > '999999999999 years ago'", 11, "time"), ("duration > long", 12, "duration"),
    ("epochs", 7, "comparison"), ("and epochs = 1", 1, "field"), ("epochs = 1 and", 15, "field"),
    ("name in wide", 9, "("), ("name in (wide", 14, ")"), ("epochs # 1", 8, "#"),
    ("name is gone", 9, "null"), ("a'b = 1", 2, "closing"),
    ("learning_rate.';DROP' = 1", 1, "field"),
    (String(repeating: "(", count: 150), 100, "nested"),
  ])
  func anErrorPointsAtTheColumn(filter: String, column: Int, word: String) {
    let error = failure { try names(filter) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("column \(column):") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains(word) == true && error?.isOneLine == true)
  }

  @Test func runsAreSortedAndCut() throws {
    func sorted(_ field: String, _ descending: Bool, _ limit: Int? = nil) throws -> [String?] {
      try sample.registry.runs(RunQuery(sort: field, descending: descending, limit: limit))
        .map(\.name)
    }
    #expect(try sorted("val_accuracy", true) == ["wide", "narrow", "wide 2", "nothing"])
    #expect(try sorted("val_accuracy", false) == ["wide 2", "narrow", "wide", "nothing"])
    #expect(try sorted("learning_rate", true, 2) == ["nothing", "wide"])
    #expect(try sorted("metrics.f1", true, 1) == ["narrow"])
    #expect(try sorted("name", false) == ["narrow", "nothing", "wide", "wide 2"])
    #expect(failure { try sorted("naem", true) }?.message.contains("did you mean name") == true)
    #expect(failure { try sorted("tag", true) }?.code == .invalidArgument)
  }

  @Test func everyFieldCanBeAsked() throws {
    for field in RunField.all {
      _ = try names("\(field.name) is not null")
      if !["tag", "note"].contains(field.name) {
        _ = try sample.registry.runs(RunQuery(sort: field.name))
      }
    }
    #expect(Set(RunField.all.map(\.name)).count == RunField.all.count, "a name means one thing")
  }

  @Test func aCrashedRunIsFoundAsSuch() throws {
    let session = try sample.start("lost")
    #expect(try names("status = running") == ["lost"])
    try sample.registry.locked {
      try $0.execute("UPDATE sessions SET pid_start_ticks = 1 WHERE status = 'running'")
    }
    #expect(try names("status = running") == [])
    #expect(try names("status = crashed") == ["lost"])
    #expect(try sample.registry.runs(RunQuery(sort: "status", descending: true)).count == 5)
    _ = session
  }
}
