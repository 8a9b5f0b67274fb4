import CCifar

/// What to train and how to keep it. What is nil is as the recipe says, or as it is usual.
public struct TrainOptions: Sendable {
  /// At most; of 9.9, the last has nine tenths of the steps. The recipe says 100.
  public var epochs: Double?
  /// 1 to 65,536; the recipe says 64.
  public var batchSize: Int?
  /// 1 to 1024, of which ``Library/defaultThreads`` compute at most.
  public var threads: Int?
  /// Above 0; the recipe says 0.001.
  public var learningRate: Double?
  /// Where all random numbers come from; the recipe says 0.
  public var seed: UInt64?
  /// "pytorch", "keras" or "keras-tuned"; else "pytorch".
  public var recipe: String?
  /// What people call the run.
  public var name: String?
  /// The SQLite file, made if missing; else `$CIFAR_REGISTRY` or `./cifar-runs.db`.
  public var registry: String?
  /// Whether anything is kept; without, there is no registry.
  public var record = true
  /// Checkpoints kept besides the best one; 0: all of them.
  public var keepLast = 2
  /// Every n-th epoch's checkpoint stays too.
  public var keepEvery: Int?
  /// Of the run.
  public var tags: [String] = []
  /// The run's group, such as the seeds of one configuration.
  public var group: String?
  /// A JSON object put over the recipe; the properties of this struct go over both.
  public var hyperparameters: String?
  /// A preset's name or a list of layers in JSON; else the recipe's, "tutorial".
  public var model: String?
  /// A run, or a safetensors file, whose weights to begin with as far as they fit; else drawn.
  public var initialization: String?
  /// The same of a model.
  public var initialModel: Model?
  /// What the run's hyperparameters call the place where `initialModel` is from.
  public var initialSource: String?
  /// Versions of the program's own packages by name, a JSON object, noted with the session.
  public var packages: String?
  /// Whether the uncommitted changes of the git repository that the working directory is in are
  /// left out, which are noted with the session otherwise.
  public var noPatch = false
  /// Where TensorBoard's event files are written while training, a directory for each run.
  public var tensorBoard: String?
  /// Seconds for which the end of training waits for a registry that others hold.
  public var busyTimeout = 600.0

  /// The defaults.
  public init() {}

  /// As C has them.
  func c(_ strings: CStrings) throws -> cifar_train_options {
    var options = try filled(cifar_train_options()) { cifar_train_options_init($0, $1) }
    options.epochs = epochs ?? 0
    options.batch_size = try nonNegative32(batchSize, "batchSize")
    options.threads = try nonNegative32(threads, "threads")
    options.learning_rate = learningRate ?? 0
    options.seed = seed ?? 0
    options.recipe = try strings(recipe)
    options.name = try strings(name)
    options.registry = try strings(registry)
    options.record = record ? 1 : 0
    options.keep_last = try nonNegative32(keepLast, "keepLast")
    options.keep_every = try nonNegative32(keepEvery, "keepEvery")
    options.tags = try strings(tags.isEmpty ? nil : tags.joined(separator: "\n"))
    options.group = try strings(group)
    options.hyperparameters = try strings(hyperparameters)
    options.model = try strings(model)
    options.init_from = try strings(initialization)
    options.init_model = initialModel?.pointer
    options.init_source = try strings(initialSource)
    options.packages = try strings(packages)
    options.no_patch = noPatch ? 1 : 0
    options.tensorboard = try strings(tensorBoard)
    options.busy_timeout = busyTimeout
    return options
  }
}

/// How to take up a run.
public struct ResumeOptions: Sendable {
  /// Train up to this many in all; else as planned.
  public var epochs: Double?
  /// 1 to 1024, of which ``Library/defaultThreads`` compute at most.
  public var threads: Int?
  /// "last", "best" or a checkpoint's id; else "last".
  public var checkpoint: String?
  /// The SQLite file; else `$CIFAR_REGISTRY` or `./cifar-runs.db`.
  public var registry: String?
  /// Where to open the images; else where the run had them from.
  public var dataLocation: String?
  /// Also a run that seems to be running where it can't be asked. What still trains it can write
  /// nothing more.
  public var takeOver = false
  /// Versions of the program's own packages by name, a JSON object, noted with the session.
  public var packages: String?
  /// Whether the uncommitted changes of the git repository that the working directory is in are
  /// left out, which are noted with the session otherwise.
  public var noPatch = false
  /// Where TensorBoard's event files are written while training, a directory for each run.
  public var tensorBoard: String?
  /// Seconds for which the end of training waits for a registry that others hold.
  public var busyTimeout = 600.0

  /// The defaults.
  public init() {}

  /// As C has them.
  func c(_ strings: CStrings) throws -> cifar_resume_options {
    var options = try filled(cifar_resume_options()) { cifar_resume_options_init($0, $1) }
    options.epochs = epochs ?? 0
    options.threads = try nonNegative32(threads, "threads")
    options.checkpoint = try strings(checkpoint)
    options.registry = try strings(registry)
    options.data_location = try strings(dataLocation)
    options.take_over = takeOver ? 1 : 0
    options.packages = try strings(packages)
    options.no_patch = noPatch ? 1 : 0
    options.tensorboard = try strings(tensorBoard)
    options.busy_timeout = busyTimeout
    return options
  }
}
