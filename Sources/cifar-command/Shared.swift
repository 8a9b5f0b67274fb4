import Cifar
import CifarCore
import CifarData
import CifarNN
import CifarRegistry
import CommandSupport

extension Option {
  static let data = Option(
    "--data", value: "DIR|NAME",
    help:
      "CIFAR-10's directory, 'shapes', 'cifar100[:DIR]', 'cifar100-coarse[:DIR]', 'mnist[:DIR]', "
      + "'fashion-mnist[:DIR]', 'svhn[:DIR]', or 'folder:DIR' for pictures in train/CLASS and "
      + "test/CLASS (else $CIFAR10_DIR or, if that is not set, ./data, ~/.cache/cifar10, "
      + "~/.keras/datasets)")
  static let registry = Option(
    "--registry", value: "FILE",
    help: "where runs are kept (else $CIFAR_REGISTRY, else ./cifar-runs.db)")
  static let threads = Option(
    "--threads", value: "N",
    help: "threads that compute (else as many as there are processors, which are the most; results "
      + "do not depend on it)")
  static let busyTimeout = Option(
    "--busy-timeout", value: "S",
    help: "seconds for which the end waits for a registry that others hold, before the rest goes "
      + "to a file beside it (else 600)")
  static let tensorBoard = Option(
    "--tensorboard", value: "DIR",
    help: "writes event files for TensorBoard into DIR while training: tensorboard --logdir DIR")
  static let noPatch = Option(
    "--no-patch",
    help: "do not record the uncommitted changes of the working directory's repository")
  /// Of a model's answers.
  static let precision = Option(
    "--precision", value: "NAME",
    help: "what is computed in: float32 (else), mixed_bfloat16, which is faster (probabilities\n"
      + "differ by some 1e-3), or int8, faster still, which quantizes the model first",
    choices: Precision.allCases.map(\.rawValue))
  static let calibration = Option(
    "--calibration", value: "N",
    help: "training images that quantization looks at, evenly spaced (else "
      + "\(Model.calibrationImages))")
  static let quiet = Option("--quiet", help: "print nothing but the run's id")
  static let checkpoint = Option(
    "--checkpoint", value: "WHICH", help: "last, best, or a checkpoint's id",
    choices: ["last", "best"])
}

extension Arguments {
  func registryPath() throws -> String {
    try value("--registry") ?? Registry.defaultPath()
  }

  func epochs() throws -> Double? {
    try number("--epochs", "a number above 0, up to 1000000") { $0 > 0 && $0 <= 1e6 }
  }

  /// - Throws: `UsageError` for what is no number of threads.
  func threads() throws -> Int {
    guard let asked = try integer("--threads", in: 1...ThreadPool.mostThreads) else {
      return ThreadPool.defaultThreads
    }
    let threads = try ThreadPool.threads(askedFor: asked)
    if threads < asked {
      Output.error(
        "cifar: --threads \(asked) is more than the \(count(threads, "core")) that there "
          + "\(threads == 1 ? "is" : "are") to use: \(count(threads, "thread")) "
          + "\(threads == 1 ? "computes" : "compute")")
    }
    return threads
  }

  private func count(_ number: Int, _ what: String) -> String {
    "\(number) \(what)\(number == 1 ? "" : "s")"
  }

  /// Puts what the options say of the record into a session's.
  func apply(to options: inout TrainingSession.Options) throws {
    options.keepsGitChanges = !has("--no-patch")
    options.tensorBoard = value("--tensorboard")
    guard let seconds = try number("--busy-timeout") else { return }
    guard (0...1e6).contains(seconds) else {
      throw UsageError("--busy-timeout \(seconds) is not in 0 to 1,000,000")
    }
    options.busyTimeout = seconds
  }

  func checkpointChoice(default other: CheckpointChoice) throws -> CheckpointChoice {
    guard let text = value("--checkpoint") else { return other }
    guard let choice = CheckpointChoice(text) else {
      throw UsageError("--checkpoint '\(text)' is none of last, best or a checkpoint's id")
    }
    return choice
  }
}
