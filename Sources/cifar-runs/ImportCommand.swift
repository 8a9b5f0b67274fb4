import CifarCore
import CifarNN
import CifarRegistry
import CifarTraining
import CommandSupport

/// `cifar-runs import`: an exported checkpoint as the start of a new run.
enum ImportCommand {
  static var command: Command {
    Command(
      "import", summary: "makes a new run from an exported checkpoint",
      positionals: [
        Positional("FILE", help: "a safetensors file that `cifar export` or a model's save wrote")
      ],
      options: [
        Option("--name", value: "TEXT", help: "what to call the run"),
        Option("--tag", value: "TAG", help: "a tag; may be given several times"), .registry,
      ],
      discussion: """
        The run has the file's hyperparameters and one checkpoint; `cifar resume` goes on from
        there. The registry is made if it does not exist. Prints the new run's id.
        """,
      examples: [
        "cifar resume $(cifar-runs import colleague.safetensors --name theirs) --epochs 50"
      ],
      run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let file = arguments.positionals[0]
    let bytes: [UInt8]
    do {
      bytes = try FileStore.read(file, check: SafeTensors.checkStart)
      // All that a resume would look at, before anything is written.
      try Trainer.check(Checkpoint(bytes))
    } catch let error as CifarError {
      throw error.of(file: file)
    }
    let metadata = try metadata(of: bytes, file)
    guard case .string(let hyperparameters)? = metadata["hyperparameters"],
      case .string(let state)? = metadata["state"],
      case .object(let members) = try JSONValue(text: hyperparameters),
      case .object(let position) = try JSONValue(text: state), let model = members["model_spec"]
    else { throw notOurs(file) }
    let data = members["data"].flatMap(object) ?? [:]
    func number(_ name: String, _ value: JSONValue?, _ range: ClosedRange<Int>) throws -> Int {
      if case .integer(let number)? = value, let number = Int(exactly: number),
        range.contains(number)
      {
        return number
      }
      throw CifarError(
        .badData,
        "'\(file)': \(name) is \(value?.text(indented: false).excerpt ?? "missing"), not a whole "
          + "number from \(range.lowerBound) to \(range.upperBound)")
    }
    let epochs = 0...1_000_000
    let planned = try number("epochs", members["epochs"], epochs)
    let epoch = try number("the state's epoch", position["epoch"], epochs)
    let batch = try number("the state's batch", position["batch"], 0...Int(UInt32.max))
    let step = try number("the state's step", position["step"], 0...1 << 53)
    let directory = GitCommit.workingDirectory()
    var run = NewRun(
      name: arguments.value("--name"), recipe: text(members["recipe"]) ?? "imported",
      hyperparameters: hyperparameters, model: model.text(indented: false),
      dataset: text(data["name"]) ?? "memory", datasetHash: text(data["train_hash"]),
      seed: try seed(members["seed"], file), epochsPlanned: planned,
      session: SessionInfo(
        libraryVersion: LibraryVersion.string, instructionSet: "", threads: 0,
        commandLine: CommandLine.arguments.joined(separator: " "), workingDirectory: directory,
        gitCommit: directory.flatMap(GitCommit.current)))
    run.tags = arguments.all("--tag")
    let registry = try arguments.openRegistryForWriting(create: true)
    let session = try registry.createRun(run)
    try session.save(
      checkpoint: NewCheckpoint(
        epoch: epoch, batch: batch, step: step, data: bytes, isBest: true))
    try session.finish(status: .interrupted, reason: "imported from \(file)")
    Output.line(session.id)
  }

  /// The texts that a safetensors file holds beside its tensors: 8 bytes of length, a JSON header.
  private static func metadata(of bytes: [UInt8], _ file: String) throws -> [String: JSONValue] {
    guard bytes.count > 8 else { throw notOurs(file) }
    let size = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard size <= UInt64(bytes.count - 8) else { throw notOurs(file) }
    let text = String(decoding: bytes[8..<8 + Int(size)], as: UTF8.self)
    guard let header = (try? JSONValue(text: text)).flatMap(object),
      let metadata = header["__metadata__"].flatMap(object),
      ImportCommand.text(metadata["format"])?.hasPrefix("libcifar checkpoint") == true
    else { throw notOurs(file) }
    return metadata
  }

  private static func notOurs(_ file: String) -> CifarError {
    CifarError(.badData, "'\(file)' is no checkpoint of libcifar; write one with `cifar export`")
  }

  private static func object(_ value: JSONValue) -> [String: JSONValue]? {
    if case .object(let members) = value { return members }
    return nil
  }

  private static func text(_ value: JSONValue?) -> String? {
    if case .string(let text)? = value { return text }
    return nil
  }

  private static func seed(_ value: JSONValue?, _ file: String) throws -> UInt64 {
    switch value {
    case .integer(let seed)? where seed >= 0: return UInt64(seed)
    case .unsigned(let seed)?: return seed
    default:
      throw CifarError(
        .badData,
        "'\(file)': seed is \(value?.text(indented: false).excerpt ?? "missing"), not a whole number "
          + "of 64 bits")
    }
  }
}
