import Cifar
import CifarCore
import CifarRegistry
import CommandSupport
import RunPages

/// What the page of `cifar-runs ui` can ask for.
///
/// The registry is opened for each request: a file that was moved, replaced or brought to a newer
/// schema meanwhile is noticed, and nothing is held that others wait for.
struct UIRoutes {
  var path: String

  /// How many runs one answer has at most: a line each, their curves, everything about them.
  static let mostListed = 1000
  static let mostCurves = 50
  static let mostDetails = 20
  /// Others that write are waited for this long; the page asks again anyway.
  private static let busyTimeout = 2.0

  func answer(_ target: HTTPTarget) -> HTTPResponse {
    do {
      switch target.path {
      case "/": return HTTPResponse(type: "text/html", text: UIPage.html)
      case "/ui.css": return HTTPResponse(type: "text/css", text: UIPage.style)
      case "/ui.js": return HTTPResponse(type: "text/javascript", text: UIPage.script)
      case "/icon.svg": return HTTPResponse(type: "image/svg+xml", text: UIPage.icon)
      case "/api/runs": return .json(try runs(target))
      case "/api/curves": return .json(try curves(target))
      case "/api/details": return .json(try details(target))
      case "/api/sweep": return .json(try sweep(target))
      default: return .error(404, "there is nothing at \(target.path.excerpt)")
      }
    } catch let error as CifarError {
      return .error(UIRoutes.status(error.code), error.message)
    } catch {
      return .error(500, "\(error)")
    }
  }

  private static func status(_ code: CifarError.Code) -> UInt32 {
    switch code {
    case .invalidArgument: 400
    case .notFound, .ambiguous: 404
    case .busy: 503
    default: 500
    }
  }

  private func registry() throws -> Registry {
    do {
      return try Registry(path: path, mode: .readOnly, busyTimeout: UIRoutes.busyTimeout)
    } catch let error as CifarError where error.code == .notFound {
      // Not what the page asks for is missing, but what it has shown so far.
      throw CifarError(.io, error.message)
    }
  }

  /// What a question may say: each of `single` once, each of `repeated` as often as it likes.
  private func check(
    _ target: HTTPTarget, single: [String], repeated: [String] = []
  ) throws {
    var seen: Set<String> = []
    for (name, _) in target.query {
      let isNew = seen.insert(name).inserted
      if repeated.contains(name) { continue }
      guard single.contains(name) else {
        throw CifarError(
          .invalidArgument,
          "\(target.path) has no parameter '\(name.excerpt)'; it has "
            + (single + repeated).joined(separator: ", "))
      }
      guard isNew else { throw CifarError(.invalidArgument, "\(name) is given more than once") }
    }
  }

  private static let queryParameters = ["filter", "sort", "desc", "offset", "limit"]

  private func query(_ target: HTTPTarget) throws -> RunQuery {
    var query = RunQuery(filter: target.value("filter"), sort: target.value("sort"))
    let descending = try number("desc", of: target, in: 0...1) == 1
    query.descending = query.sort == nil || descending
    query.limit = try number("limit", of: target, in: 1...UIRoutes.mostListed) ?? 200
    query.offset = try number("offset", of: target, in: 0...1_000_000_000) ?? 0
    return query
  }

  private func number(
    _ name: String, of target: HTTPTarget, in range: ClosedRange<Int>
  ) throws -> Int? {
    guard let text = target.value(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw CifarError(
        .invalidArgument,
        "\(name) '\(text.excerpt)' is no whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  /// A line a run, and how many runs fit in all.
  private func runs(_ target: HTTPTarget) throws -> JSONValue {
    try check(target, single: UIRoutes.queryParameters, repeated: ["field"])
    var query = try query(target)
    query.fields = target.all("field")
    guard query.fields.count <= 20 else {
      throw CifarError(.invalidArgument, "more than 20 columns of one's own")
    }
    let registry = try registry()
    var damage: [String] = []
    let found = try registry.runs(query) { damage.append($0.message) }
    let total = try count(query, in: registry)
    return .object([
      "registry": .string(path), "version": .string(LibraryVersion.string),
      "total": .integer(Int64(total)), "damaged": .array(damage.map { .string($0) }),
      "runs": .array(
        found.map { run in
          .members(
            run.record + [
              ("label", .string(run.label)),
              ("duration", .string(Format.duration(run.durationSeconds))),
              ("values", .array(run.values.map { JSONValue($0) })),
            ])
        }),
    ])
  }

  /// How many runs there are on all pages.
  private func count(_ query: RunQuery, in registry: Registry) throws -> Int {
    var query = query
    (query.limit, query.offset, query.sort, query.withHyperparameters) = (nil, 0, nil, false)
    return try registry.ids(query) { _ in }.count
  }

  private func named(_ target: HTTPTarget, atMost most: Int) throws -> [String] {
    try check(target, single: [], repeated: ["run"])
    let names = target.all("run").uniqued()
    guard (1...most).contains(names.count) else {
      throw CifarError(.invalidArgument, "run=ID is wanted, 1 to \(most) times")
    }
    return names
  }

  /// What the charts of runs are drawn from.
  private func curves(_ target: HTTPTarget) throws -> JSONValue {
    let names = try named(target, atMost: UIRoutes.mostCurves)
    let registry = try registry()
    return .array(
      try names.map { name in
        let run = try registry.run(matching: name)
        return .members([
          ("id", .string(run.id)), ("label", .string(run.summary.label)),
          ("group", .optional(run.summary.group)),
          ("group_runs", try run.summary.groupSize(in: registry)),
          ("status", .string(run.summary.status.rawValue)),
          ("epochs", .array(run.epochs.map { .members($0.record) })),
          ("metrics", .array(run.metrics.map { .members($0.record) })),
        ])
      })
  }

  private func details(_ target: HTTPTarget) throws -> JSONValue {
    let names = try named(target, atMost: UIRoutes.mostDetails)
    let registry = try registry()
    return .array(try names.map { try registry.run(matching: $0).page(from: registry) })
  }

  /// The hyperparameters in which runs differ, and how each run did. A model stands as a whole, not
  /// layer by layer.
  private func sweep(_ target: HTTPTarget) throws -> JSONValue {
    try check(target, single: UIRoutes.queryParameters)
    var query = try query(target)
    query.withHyperparameters = true
    var damage: [String] = []
    let registry = try registry()
    let runs = try registry.runs(query) { damage.append($0.message) }
    let total = try count(query, in: registry)
    var models = ModelNames()
    // In the order of the runs' starts, in which equal names of models are told apart.
    let sets = try runs.reversed().map { run in
      let json = try JSONValue(stored: run.hyperparameters ?? "{}")
      let lines = HyperparameterLines.lines(of: json)
        .filter { !$0.name.hasPrefix(ModelNames.member) }
      var set = Dictionary(lines.map { ($0.name, $0.value) }) { $1 }
      if let name = models.name(of: json) { set["model"] = name }
      return set
    }.reversed()
    let names = Set(sets.flatMap(\.keys)).filter { name in Set(sets.map { $0[name] }).count > 1 }
    return .object([
      "total": .integer(Int64(total)), "names": .array(names.sorted().map { .string($0) }),
      "models": .array(models.bySize.map { .string($0) }),
      "damaged": .array(damage.map { .string($0) }),
      "runs": .array(
        zip(runs, sets).map { run, set in
          .members(
            run.record + [
              ("label", .string(run.label)),
              (
                "hyperparameters",
                .object(
                  Dictionary(names.compactMap { name in set[name].map { (name, .string($0)) } }) {
                    $1
                  })
              ),
            ])
        }),
    ])
  }
}

/// Names of models: presets have one, others are called by their size.
private struct ModelNames {
  /// Of the hyperparameters: the model, layer by layer.
  static let member = "model_spec"

  private var names: [String: String] = [:]
  private var layers: [String: Int] = [:]

  /// From the fewest layers to the most.
  var bySize: [String] {
    layers.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
  }

  /// - Parameter hyperparameters: a run's.
  mutating func name(of hyperparameters: JSONValue) -> String? {
    guard let preset = hyperparameters["model"]?.string else { return nil }
    let spec = hyperparameters[ModelNames.member]
    let count = spec?["layers"]?.array?.count ?? 0
    guard preset == "custom", let spec else {
      layers[preset] = count
      return preset
    }
    let text = spec.text(indented: false)
    if let known = names[text] { return known }
    let plain = "\(count) layer\(count == 1 ? "" : "s")"
    var name = plain
    var number = 1
    while layers[name] != nil {
      number += 1
      name = "\(plain) (\(number))"
    }
    names[text] = name
    layers[name] = count
    return name
  }
}
