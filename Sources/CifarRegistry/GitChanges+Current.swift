import CifarCore
import Glibc

extension GitChanges {
  /// The changes at this moment, those in submodules included.
  ///
  /// Nothing of the repository is written, and nothing that its configuration names is run: no hook,
  /// no monitor, no filter, no program that compares files.
  ///
  /// - Parameter seconds: for all that git is asked.
  /// - Returns: nil without a repository.
  public static func current(in directory: String, seconds: Double = 5) -> GitChanges? {
    guard let place = GitCommit.place(of: directory) else { return nil }
    var found = GitChanges()
    found.add(
      repository: place.root, at: "", seconds: seconds, end: MonotonicTime.seconds + seconds)
    return found
  }

  /// Where nobody wants to know them.
  /// - Returns: nil without a repository.
  public static func leftOut(in directory: String) -> GitChanges? {
    GitCommit.place(of: directory).map { _ in
      GitChanges(
        unknown: "left out (--no-patch, patch=False in Python, no_patch in C)")
    }
  }

  /// - Parameters:
  ///   - root: where the repository's files are.
  ///   - path: of a submodule in the whole, with a / at its end; empty for the whole.
  private mutating func add(repository root: String, at path: String, seconds: Double, end: Double)
  {
    do {
      guard GitCommit.current(in: root) != nil else {
        throw Unknown(
          GitCommit.isRepository(root)
            ? "the repository has no commit yet, or it cannot be read"
            : "\(root.excerpt)/.git is there, but no git repository that can be read")
      }
      var git = Git(directory: root, seconds: seconds, end: end)
      // What git does not trust it takes for no repository, and then `git diff` means something else.
      _ = try git.output(of: ["rev-parse", "--git-dir"], atMost: 1 << 16)
      try git.disarmFilters()
      let diff = try git.output(
        of: [
          "diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative",
          "--src-prefix=a/\(path)", "--dst-prefix=b/\(path)", "--submodule=short",
          "--ignore-submodules=dirty", "HEAD",
        ], atMost: GitChanges.longestPatch - patch.utf8.count)
      let text =
        diff.isCut
        ? String(diff.text[...(diff.text.lastIndex(of: "\n") ?? diff.text.startIndex)]) : diff.text
      patch += GitChanges.withoutEmptySections(text)
      let names = try git.output(
        of: ["ls-files", "--others", "--exclude-standard", "-z"], atMost: GitChanges.longestPatch)
      let others = names.text.split(separator: "\0").map { path + $0 }
      let free = GitChanges.mostUntracked - untracked.count
      untracked += others.prefix(free)
      isCut = isCut || diff.isCut || names.isCut || others.count > free
      let unwatched = try git.unwatched()
      if let first = unwatched.first {
        let more = unwatched.count > 1 ? " and of \(unwatched.count - 1) more" : ""
        add(
          unknown: "git was told not to look for changes of \((path + first).excerpt)\(more) "
            + "(git update-index --assume-unchanged or --skip-worktree)")
      }
      for submodule in try git.submodules() where !isCut {
        let place = "\(root)/\(submodule)"
        // One that is not there has no changes; git would find the repository around it.
        guard access(place + "/.git", F_OK) == 0 else { continue }
        add(repository: place, at: "\(path)\(submodule)/", seconds: seconds, end: end)
      }
    } catch {
      let reason = (error as? CifarError)?.message ?? (error as? Unknown)?.reason ?? "\(error)"
      add(unknown: path.isEmpty ? reason : "submodule \(path.dropLast()): \(reason)")
    }
  }

  private mutating func add(unknown reason: String) {
    unknown = unknown.map { "\($0); \(reason)" } ?? reason
  }

  /// Of a file that was touched, but is as it was, an index that is not refreshed has a title only.
  private static func withoutEmptySections(_ patch: String) -> String {
    let title = "diff --git "
    let lines = patch.split(separator: "\n", omittingEmptySubsequences: false)
    var kept: [Substring] = []
    for (line, next) in zip(lines, lines.dropFirst() + [""]) {
      if line.hasPrefix(title), next.isEmpty || next.hasPrefix(title) { continue }
      kept.append(line)
    }
    return kept.joined(separator: "\n")
  }

  private struct Unknown: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
  }

  private struct Git {
    let directory: String
    let seconds: Double
    let end: Double
    /// Configuration that comes before the repository's.
    var settings = [
      "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false",
      // It would write the index, whether optional locks are wanted or not.
      "diff.autoRefreshIndex=false",
    ]

    init(directory: String, seconds: Double, end: Double) {
      self.directory = directory
      self.seconds = seconds
      self.end = end
    }

    private struct Full: Error {}

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

    /// Paths of the submodules, beginning at the repository's root.
    func submodules() throws -> [String] {
      var result: [String] = []
      // A line of the index is `160000 COMMIT 0\tPATH`; of all the others nothing is kept.
      try forEachLine(of: ["ls-files", "--stage", "-z"]) { line in
        if line.starts(with: "160000 ".utf8), let tab = line.firstIndex(of: UInt8(ascii: "\t")) {
          result.append(String(decoding: line[(tab + 1)...], as: UTF8.self))
        }
      }
      return result
    }

    /// Files whose changes git was told not to look for. Those of a sparse checkout are not there.
    func unwatched() throws -> [String] {
      var result: [String] = []
      // `H PATH` for most; in lower case for --assume-unchanged, `S` for --skip-worktree.
      try forEachLine(of: ["ls-files", "-v", "-z"]) { line in
        guard let tag = line.first, tag == UInt8(ascii: "S") || tag > UInt8(ascii: "Z") else {
          return
        }
        let path = String(decoding: line.dropFirst(2), as: UTF8.self)
        if access("\(directory)/\(path)", F_OK) == 0 { result.append(path) }
      }
      return result
    }

    /// - Parameter arguments: of a command that ends each line with a NUL.
    private func forEachLine(
      of arguments: [String], _ body: @escaping (ArraySlice<UInt8>) -> Void
    ) throws {
      var rest: [UInt8] = []
      try run(arguments, answers: [0]) { piece in
        rest += piece
        var start = 0
        while let end = rest[start...].firstIndex(of: 0) {
          body(rest[start..<end])
          start = end + 1
        }
        rest.removeSubrange(..<start)
      }
    }

    /// - Parameter answers: exit codes of success.
    func output(
      of arguments: [String], atMost limit: Int, answers: [Int32] = [0]
    ) throws -> (text: String, isCut: Bool) {
      var bytes: [UInt8] = []
      var isCut = false
      do {
        try run(arguments, answers: answers) { piece in
          isCut = isCut || bytes.count + piece.count > limit
          bytes += piece.prefix(limit - bytes.count)
          if isCut { throw Full() }
        }
      } catch is Full {}
      return (String(decoding: bytes, as: UTF8.self), isCut)
    }

    private func run(
      _ arguments: [String], answers: [Int32],
      receive: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws {
      let words =
        ["git", "--no-pager", "--no-optional-locks", "-C", directory]
        + settings.flatMap { ["-c", $0] } + arguments
      // Its variables name other repositories, indices and files to write to.
      let result = try ChildProcess.run(words, hiddenPrefix: "GIT_") {
        if MonotonicTime.seconds > end {
          throw Unknown("git took longer than \(Int(seconds)) seconds")
        }
      } receive: {
        try receive($0)
      }
      guard !answers.contains(result.exitCode) else { return }
      throw Unknown("git \(arguments[0]): \(Git.complaint(result))")
    }

    /// What went wrong, and what git says can be done about it.
    private static func complaint(_ result: ChildProcess.Result) -> String {
      let lines = result.errors.split(separator: "\n").map { $0.drop(while: \.isWhitespace) }
      var words =
        [
          lines.first { $0.hasPrefix("fatal: ") }.map { $0.dropFirst("fatal: ".count) }
            ?? lines.last
        ]
        .compactMap { $0 }
      words += lines.filter { $0.hasPrefix("git config ") && $0 != words.last }
      guard !words.isEmpty else { return "exit code \(result.exitCode)" }
      return words.map { String($0).oneLine(atMost: 500) }.joined(separator: "; ")
    }
  }
}
