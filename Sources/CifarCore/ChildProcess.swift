import Glibc

/// A program of the system, run to its end, without a shell in between.
public enum ChildProcess {
  public struct Result: Sendable {
    public var exitCode: Int32
    public var output: String
    public var errors: String

    public func lastErrorLine(or other: String) -> String {
      errors.split(separator: "\n").last.map(String.init) ?? other
    }
  }

  /// What is kept of a program's standard output and of its standard error.
  private static let longestText = 1 << 20

  /// Runs a program that is found in `$PATH` and collects what it prints. Standard error still goes to
  /// ours instead when `curl` draws its progress bar there.
  ///
  /// - Parameters:
  ///   - input: what it reads as its standard input; nil for nothing to read.
  ///   - hiddenPrefix: environment variables whose names begin so are not passed on.
  ///   - check: is called five times a second at least. Where it throws, the program is ended.
  ///   - receive: gets its standard output piece by piece, in place of `Result.output`. Where it
  ///     throws, the program is ended.
  /// - Throws: `unsupported` if there is no such program; what `check` and `receive` throw.
  public static func run(
    _ arguments: [String], input: consuming File? = nil, hiddenPrefix: String? = nil,
    check: () throws -> Void = {},
    receive: ((UnsafeRawBufferPointer) throws -> Void)? = nil
  ) throws -> Result {
    let drawsProgress = arguments.contains("--progress-bar")
    var output: [Int32] = [0, 0]
    var errors: [Int32] = [0, 0]
    guard pipe(&output) == 0, pipe(&errors) == 0 else {
      throw CifarError(.io, "can't make a pipe: \(String(cString: strerror(errno)))")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let input = try input ?? File(reading: "/dev/null")
    posix_spawn_file_actions_adddup2(&actions, input.descriptor, 0)
    posix_spawn_file_actions_adddup2(&actions, output[1], 1)
    if !drawsProgress { posix_spawn_file_actions_adddup2(&actions, errors[1], 2) }
    for descriptor in output + errors {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    // Signals that this thread does not take, or that the process ignores, still end the program.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGTERM)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    let words = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    let variables = environment(without: hiddenPrefix)
    let failure = posix_spawnp(&process, arguments[0], &actions, &attributes, words, variables)
    extendLifetime(input)
    close(output[1])
    close(errors[1])
    defer {
      close(output[0])
      close(errors[0])
    }
    guard failure == 0 else {
      throw CifarError(
        .unsupported,
        "can't run '\(arguments[0])': \(String(cString: strerror(failure))); install it first")
    }
    let texts: (String, String)
    do {
      texts = try collect(output[0], errors[0], check, receive)
    } catch {
      kill(process, SIGTERM)
      _ = wait(for: process)
      throw error
    }
    let status = wait(for: process)
    // The exit code, or 128 + the signal that ended it, as a shell counts.
    let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
    return Result(exitCode: code, output: texts.0, errors: texts.1)
  }

  /// The pointers are those of this process's own environment.
  private static func environment(without prefix: String?) -> [UnsafeMutablePointer<CChar>?] {
    var variables: [UnsafeMutablePointer<CChar>?] = []
    var next = environ
    while let variable = next.pointee {
      if prefix.map({ strncmp(variable, $0, $0.utf8.count) != 0 }) ?? true {
        variables.append(variable)
      }
      next += 1
    }
    return variables + [nil]
  }

  private static func wait(for process: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status
  }

  /// Reads both pipes until they end, whichever has something to say.
  private static func collect(
    _ first: Int32, _ second: Int32, _ check: () throws -> Void,
    _ receive: ((UnsafeRawBufferPointer) throws -> Void)?
  ) throws -> (String, String) {
    var texts: [[UInt8]] = [[], []]
    var polled = [first, second].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while polled.contains(where: { $0.fd >= 0 }) {
      let count = poll(&polled, 2, 200)
      try check()
      guard count >= 0 || errno == EINTR else { break }
      guard count > 0 else { continue }
      for i in 0..<2 where polled[i].fd >= 0 && polled[i].revents != 0 {
        let got = read(polled[i].fd, &buffer, buffer.count)
        if got > 0, i == 0, let receive {
          try buffer.withUnsafeBytes { try receive(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
        } else if got > 0, texts[i].count < longestText {
          texts[i] += buffer[0..<got]
        }
        if got == 0 || got < 0 && errno != EINTR { polled[i].fd = -1 }
      }
    }
    return (String(decoding: texts[0], as: UTF8.self), String(decoding: texts[1], as: UTF8.self))
  }
}
