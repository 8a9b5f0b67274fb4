import CifarCore
import Glibc

extension Download {
  /// One of the published archives.
  public struct Archive: Sendable {
    /// A file that is in it and that the library reads.
    public struct File: Sendable {
      public var name: String
      /// Bytes; nil where they are not the same in every copy.
      public var size: Int?
      /// nil where none is published: the size says whether the file is whole.
      public var md5: String?

      public init(_ name: String, size: Int? = nil, md5: String? = nil) {
        self.name = name
        self.size = size
        self.md5 = md5
      }
    }

    /// `cifar-10-binary.tar.gz`
    public var file: String
    public var md5: String
    /// The directory that it unpacks to.
    public var directory: String
    public var files: [File]

    public init(file: String, md5: String, directory: String, files: [File]) {
      self.file = file
      self.md5 = md5
      self.directory = directory
      self.files = files
    }

    public static let binary = Archive(
      file: "cifar-10-binary.tar.gz", md5: "c32a1d4ab5d03f1284b67883e8d87530",
      directory: "cifar-10-batches-bin",
      files: ((1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]).map {
        File($0, size: 10_000 * 3073)
      })
    public static let python = Archive(
      file: "cifar-10-python.tar.gz", md5: "c58f30108f718f92721af3b95e74349a",
      directory: "cifar-10-batches-py",
      files: [
        File("data_batch_1", md5: "c99cafc152244af753f735de768cd75f"),
        File("data_batch_2", md5: "d4bba439e000b95fd0a9bffe97cbabec"),
        File("data_batch_3", md5: "54ebc095f3ab1f0389bbae665268c751"),
        File("data_batch_4", md5: "634d18415352ddfa80567beed471001a"),
        File("data_batch_5", md5: "482c414d41f54cd18b22e5b47cb7c3cb"),
        File("test_batch", md5: "40351d587109b95175f43aff81a1287e"),
      ])
    public static let binary100 = Archive(
      file: "cifar-100-binary.tar.gz", md5: "03b5dce01913d631647c71ecec9e9cb8",
      directory: "cifar-100-binary",
      files: [File("train.bin", size: 50_000 * 3074), File("test.bin", size: 10_000 * 3074)])
    public static let python100 = Archive(
      file: "cifar-100-python.tar.gz", md5: "eb9058c3a382ffc7106e4002c42a8d85",
      directory: "cifar-100-python",
      files: [
        File("train", md5: "16019d7e3df5f24257cddd939b257f8d"),
        File("test", md5: "f0ef6b0ae62326f3e7ffdfab6717acfc"),
      ])

    /// Whether every file is in `directory`, with the size and the sum that it must have.
    func isWhole(in directory: String) throws -> Bool {
      for file in files {
        var status = stat()
        let path = "\(directory)/\(file.name)"
        guard stat(path, &status) == 0, status.isRegular else { return false }
        if let size = file.size, Int(status.st_size) != size { return false }
        if let md5 = file.md5, try MD5.sum(of: path) != md5 { return false }
      }
      return true
    }
  }
}

/// What the system's md5sum makes of a file.
enum MD5 {
  static func sum(of path: String) throws -> String {
    // By its standard input: no name can be taken for an option.
    let result = try ChildProcess.run(["md5sum"], input: File(reading: path))
    guard result.exitCode == 0, result.output.count >= 32 else {
      throw CifarError(.io, "md5sum can't read '\(path)': \(result.lastErrorLine(or: "no sum"))")
    }
    return String(result.output.prefix(32))
  }
}
