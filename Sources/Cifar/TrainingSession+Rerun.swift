import CifarCore
import CifarData
import CifarRegistry
import CifarTraining
import Kernels

extension TrainingSession {
  /// Starts a run again from its beginning, as a new run: the same hyperparameters, model,
  /// augmentation, seed and images, and as many threads. With the same instruction set and library it
  /// comes to the same bits; `remarks`, the log and a note of the new run say what is different.
  ///
  /// - Parameters:
  ///   - run: the run's UUID, the start of it, or its name.
  ///   - train: the images it was trained on; nil to open them.
  ///   - validation: likewise.
  ///   - location: where to open them; nil for where the run had them from.
  ///   - weights: a run or a file that has the weights that the run began with; nil for where it had
  ///     them from.
  ///   - threads: nil for as many as the run had.
  /// - Throws: `notFound`, `ambiguous`, also where the images or the first weights are not found;
  ///   `invalidState` for first weights that are others.
  public static func rerun(
    run: String, train: Dataset? = nil, validation: Dataset? = nil, location: String? = nil,
    weights name: String? = nil, threads: Int? = nil, options: Options
  ) throws -> TrainingSession {
    guard let path = options.registryPath else {
      throw CifarError(.invalidArgument, "a run is run again from a registry: name one")
    }
    let before = try Registry(path: path, mode: .readOnly).run(matching: run)
    let session = before.sessions.first { $0.info.threads > 0 }
    var hyperparameters = try StateCoding.decode(
      Hyperparameters.self, from: before.hyperparameters,
      what: "the hyperparameters of run \(before.id.prefix(8))")
    let data = hyperparameters.data
    let images = try SessionImages(
      of: hyperparameters, train: train, validation: validation, location: location)
    let first = try firstWeights(of: hyperparameters, named: name, registryPath: path)
    var remarks = ["run again from the beginning: run \(before.id)"]
    remarks += withoutLogs(&hyperparameters)
    var options = options
    options.threads =
      try threads
      ?? ThreadPool.threads(
        askedFor: session?.info.threads ?? ThreadPool.defaultThreads)
    remarks += differences(
      from: before, session: session, planned: hyperparameters, data: data, images,
      options)
    return try start(
      images, hyperparameters: hyperparameters, weights: first, options: options, noting: remarks)
  }

  /// A log that begins anew with each run would take the place of the first run's.
  private static func withoutLogs(_ hyperparameters: inout Hyperparameters) -> [String] {
    var remarks: [String] = []
    hyperparameters.callbacks.removeAll { callback in
      guard let file = callback.replacedFile else { return false }
      remarks.append(
        "csv_logger is left out: it would write over '\(file)', the log of the first run")
      return true
    }
    return remarks
  }

  private static func firstWeights(
    of hyperparameters: Hyperparameters, named name: String?, registryPath: String
  ) throws -> InitialWeights? {
    guard let record = hyperparameters.weights else {
      guard name == nil else {
        throw CifarError(
          .invalidArgument, "the run began with weights drawn at random, not with others")
      }
      return nil
    }
    let prefix = "run "
    let source =
      name
      ?? (record.source.hasPrefix(prefix)
        ? String(record.source.dropFirst(prefix.count)) : record.source)
    let weights: InitialWeights
    do {
      weights = try InitialWeights(
        named: source, registryPath: registryPath, for: hyperparameters.modelSpec)
    } catch let error as CifarError where error.code == .notFound {
      throw CifarError(
        .notFound,
        "the weights that the run began with, of \(record.source.excerpt), are not found: "
          + "\(error.message); say where they are (--init, init_from in C, init in Python)")
    }
    guard weights.record.hash == record.hash else {
      throw CifarError(
        .invalidState,
        "the weights of \(source.excerpt) are not those that the run began with (SHA-256 "
          + "\(weights.record.hash.prefix(12))…, not \(record.hash.prefix(12))…); name a file that "
          + "has them (--init, init_from in C, init in Python)")
    }
    return weights
  }

  /// What of it is not as it was, a sentence each.
  ///
  /// - Parameter planned: what it began with.
  private static func differences(
    from run: RunDetail, session: SessionRow?, planned: Hyperparameters, data: DataRecord?,
    _ images: SessionImages, _ options: Options
  ) -> [String] {
    var remarks: [String] = []
    func differs(_ what: String, _ before: String?, _ now: String?) {
      guard let before, let now, !before.isEmpty, before != now else { return }
      remarks.append(
        "\(what): \(before.oneLine(atMost: 200)) then, \(now.oneLine(atMost: 200)) now")
    }
    let pairs = [
      ("training", data?.trainHash, images.train.contentHash),
      ("validation", data?.validationHash, images.validation.contentHash),
      ("test", data?.testHash, images.test?.contentHash),
    ]
    for (part, before, now) in pairs {
      differs("other \(part) images (SHA-256)", before, now)
    }
    if let info = session?.info {
      differs("another version of the library", info.libraryVersion, LibraryVersion.string)
      differs("another instruction set", info.instructionSet, Kernels.current.name)
      differs(
        "another processor", info.environment?["processor"]?.string,
        Machine.facts["processor"]?.string)
      differs("another number of threads", "\(info.threads)", "\(options.threads)")
    }
    if run.sessions.count > 1, planned.exactEpochs != run.summary.exactEpochs {
      remarks.append(
        "the first run went on to \(Hyperparameters.text(epochs: run.summary.exactEpochs)) epochs when "
          + "it was resumed; this one trains the \(planned.epochsText) that it began with")
    }
    return remarks
  }
}
