import CifarCore

/// What a working directory's repository has that its commit has not: with both, the program that was
/// run can be had again.
public struct GitChanges: Sendable, Equatable {
  /// Of the files that git knows, against the commit, as `git apply` takes it; in place of bytes that
  /// are no UTF-8 stands U+FFFD.
  public var patch: String
  /// Names of files that git neither knows nor ignores.
  public var untracked: [String]
  /// Whether there was more than is kept.
  public var isCut: Bool

  public var isEmpty: Bool { patch.isEmpty && untracked.isEmpty }

  /// Bytes of a patch that are kept.
  public static let longestPatch = 1 << 20
  /// Names that are kept.
  public static let mostUntracked = 1000

  public init(patch: String, untracked: [String], isCut: Bool = false) {
    self.patch = patch
    self.untracked = untracked
    self.isCut = isCut
  }
}

// MARK: As JSON

extension GitChanges {
  public var json: JSONValue {
    .object([
      "patch": .string(patch), "untracked": .array(untracked.map { .string($0) }),
      "truncated": .bool(isCut),
    ])
  }

  /// nil for what is none.
  init?(_ json: JSONValue) {
    guard let patch = json["patch"]?.string, let names = json["untracked"]?.array,
      case .bool(let isCut)? = json["truncated"]
    else { return nil }
    let untracked = names.compactMap(\.string)
    guard untracked.count == names.count else { return nil }
    self.init(patch: patch, untracked: untracked, isCut: isCut)
  }
}

// MARK: Asking git

extension GitChanges {
  /// The changes at this moment.
  ///
  /// Nothing of the repository is written, and nothing that its configuration names is run: no hook,
  /// no monitor, no filter, no program that compares files.
  ///
  /// - Parameter seconds: for all that git is asked.
  /// - Returns: nil without a repository, without git, and where git takes longer.
  public static func current(in directory: String, seconds: Double = 5) -> GitChanges? {
    guard GitCommit.current(in: directory) != nil else { return nil }
    var git = Git(directory: directory, end: MonotonicTime.seconds + seconds)
    do {
      try git.disarmFilters()
      let patch = try git.output(
        of: [
          "diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative",
          "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--ignore-submodules=dirty",
          "HEAD",
        ], atMost: longestPatch)
      let names = try git.output(
        of: ["ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/"],
        atMost: longestPatch)
      let untracked = names.text.split(separator: "\0").map(String.init)
      return GitChanges(
        patch: patch.isCut
          ? String(patch.text[...(patch.text.lastIndex(of: "\n") ?? patch.text.startIndex)])
          : patch.text, untracked: Array(untracked.prefix(mostUntracked)),
        isCut: patch.isCut || names.isCut || untracked.count > mostUntracked)
    } catch {
      return nil
    }
  }

  private struct Git {
    let directory: String
    let end: Double
    /// Configuration that comes before the repository's.
    var settings = [
      "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false",
    ]

    init(directory: String, end: Double) {
      self.directory = directory
      self.end = end
    }

    private struct Stopped: Error {}

    /// Filters turn a file into what the commit has of it, by a program of the configuration's.
    mutating func disarmFilters() throws {
      let names = try output(
        of: [
          "config", "--null", "--name-only", "--get-regexp",
          #"^filter\..*\.(clean|smudge|process|required)$"#,
        ], atMost: 1 << 16, answers: [0, 1])
      for name in names.text.split(separator: "\0") where !name.contains("=") {
        settings.append("\(name)=\(name.hasSuffix(".required") ? "false" : "")")
      }
    }

    /// - Parameter answers: exit codes of success.
    func output(
      of arguments: [String], atMost limit: Int, answers: [Int32] = [0]
    ) throws -> (text: String, isCut: Bool) {
      var bytes: [UInt8] = []
      var isCut = false
      let words =
        ["git", "--no-pager", "--no-optional-locks", "-C", directory]
        + settings.flatMap { ["-c", $0] } + arguments
      do {
        // Those of git name other repositories, indices and files to write to.
        let result = try ChildProcess.run(words, hiddenPrefix: "GIT_") {
          if MonotonicTime.seconds > end { throw Stopped() }
        } receive: { piece in
          bytes += piece.prefix(limit - bytes.count)
          isCut = isCut || bytes.count == limit
          if isCut { throw Stopped() }
        }
        guard answers.contains(result.exitCode) else { throw Stopped() }
      } catch is Stopped where isCut {}
      return (String(decoding: bytes, as: UTF8.self), isCut)
    }
  }
}
