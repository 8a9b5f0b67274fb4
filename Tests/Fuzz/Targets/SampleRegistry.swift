import CSQLite
import CifarCore
import CifarRegistry
import Glibc

/// A small registry with something in every table, to be damaged.
final class SampleRegistry: Sendable {
  static let shared = Result { try SampleRegistry() }

  /// The least there is, in bytes: a registry's own pages are large and, in a sample, mostly empty.
  static let pageSize = 512

  let registry: Registry
  /// The file, in small pages: each run of a fuzzer writes it.
  let bytes: [UInt8]
  /// The same without NOT NULL and STRICT: any cell may be anything.
  let looseBytes: [UInt8]
  private let directory: String

  private init() throws {
    directory = try TemporaryFolder.make()
    let path = "\(directory)/sample.db"
    registry = try Registry(path: path, mode: .readWrite(create: true))
    for name in ["first", "second"] {
      var run = NewRun(
        name: name, recipe: "pytorch",
        hyperparameters: #"{"batch_size":64,"optimizer":{"learning_rate":0.001}}"#,
        model: #"{"layers":[]}"#, dataset: "shapes", seed: 1 << 63, epochsPlanned: 24,
        retention: .last(2),
        session: SessionInfo(
          libraryVersion: "0.1.0", instructionSet: "avx2", threads: 2,
          commandLine: "cifar train"))
      run.tags = ["a tag"]
      let session = try registry.createRun(run)
      for epoch in 1...3 {
        let row = EpochMetrics(
          epoch: epoch, trainLoss: 1, trainAccuracy: 0.5, valLoss: 2, valAccuracy: 0.6,
          learningRate: 1e-3, seconds: 12, imagesPerSecond: 4000)
        _ = try session.record(
          epoch: row,
          checkpoint: NewCheckpoint(
            epoch: epoch, step: epoch, data: [UInt8](repeating: UInt8(epoch), count: 400),
            isBest: epoch == 2))
      }
      try session.note("a note")
      try registry.record(
        evaluation: ClassEvaluation(
          epoch: 2, classNames: ["a", "b"], confusion: [[3, 1], [0, 4]],
          misclassified: [
            .init(
              image: 0, actual: 0, predicted: 1, probability: 0.9,
              pixels: [UInt8](repeating: 9, count: 3072))
          ], samples: []),
        of: name)
      try session.finish(status: .completed, reason: "done")
    }
    let small = "\(directory)/small.db"
    try SampleRegistry.put(SampleRegistry.content(of: path), small)
    try CellEditor.shrink(small, pageSize: SampleRegistry.pageSize)
    bytes = try SampleRegistry.content(of: small)
    let loose = "\(directory)/loose.db"
    try SampleRegistry.put(bytes, loose)
    try CellEditor.loosen(loose)
    looseBytes = try SampleRegistry.content(of: loose)
  }

  /// Hands over the path of a file with these bytes, and removes what was left beside it.
  func reading(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    let folder = "\(directory)/damaged"
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
      throw BrokenPromise("can't make \(folder): \(errno)")
    }
    defer { TemporaryFolder.empty(folder) }
    try SampleRegistry.put(bytes, "\(folder)/runs.db")
    try body("\(folder)/runs.db")
  }

  private static func put(_ bytes: [UInt8], _ path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw BrokenPromise("can't write \(path): \(errno)") }
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count else { throw BrokenPromise("can't write \(path): \(errno)") }
  }

  private static func content(of path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BrokenPromise("can't read \(path): \(errno)") }
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    guard got == bytes.count else { throw BrokenPromise("can't read \(path): \(errno)") }
    return bytes
  }
}

/// A folder that goes when the process does.
enum TemporaryFolder {
  /// Names that are to be removed, for a function that may capture nothing.
  nonisolated(unsafe) private static var made: [String] = []

  static func make() throws -> String {
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/cifar-fuzz-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw BrokenPromise("no temporary folder: \(errno)") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if made.isEmpty {
      atexit {
        for path in TemporaryFolder.made {
          TemporaryFolder.empty("\(path)/damaged")
          rmdir("\(path)/damaged")
          TemporaryFolder.empty(path)
          rmdir(path)
        }
      }
    }
    made.append(path)
    return path
  }

  static func empty(_ path: String) {
    guard let directory = opendir(path) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      unlink("\(path)/\(name)")
    }
  }
}
