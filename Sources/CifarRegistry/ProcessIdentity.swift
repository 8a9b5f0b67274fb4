import Glibc

/// Which process it is, on which machine, so precisely that another process can tell later whether
/// it still runs.
///
/// A process id alone is not enough: it is reused after a while and after every reboot, and two
/// containers may each have a process 1. So the boot, the namespace of process ids and the start
/// time of the process go with it.
struct ProcessIdentity: Sendable, Equatable {
  var host: String
  /// The kernel's id of this boot.
  var bootID: String
  /// The namespace that `pid` is valid in, as `/proc/self/ns/pid` names it.
  var pidNamespace: String
  var pid: Int32
  /// When the process started, in clock ticks since the boot.
  var startTicks: Int64

  enum Life: Sendable { case alive, dead, unknown }

  /// After so many seconds without a sign, a process that cannot be looked up counts as dead. Long,
  /// because a suspended machine or a stalled network drive must not cost a live run its name.
  static let silence: Double = 1800

  static var current: ProcessIdentity {
    ProcessIdentity(
      host: hostName(), bootID: readLine(of: "/proc/sys/kernel/random/boot_id") ?? "",
      pidNamespace: readLink("/proc/self/ns/pid") ?? "", pid: getpid(),
      startTicks: startTicks(of: getpid()) ?? 0)
  }

  /// Whether this process still runs, as far as `observer` can tell.
  ///
  /// Where the two share boot and namespace the kernel's answer is final, however old the last
  /// heartbeat is: a stopped process is alive.
  func life(seenFrom observer: ProcessIdentity, secondsSilent: Double) -> Life {
    if bootID == observer.bootID && pidNamespace == observer.pidNamespace && !bootID.isEmpty {
      return isRunningHere() ? .alive : .dead
    }
    if host == observer.host && !bootID.isEmpty && !observer.bootID.isEmpty
      && bootID != observer.bootID
    {
      return .dead  // this machine was started anew since
    }
    return secondsSilent > ProcessIdentity.silence ? .dead : .unknown
  }

  private func isRunningHere() -> Bool {
    if kill(pid, 0) != 0 && errno == ESRCH { return false }
    guard let stat = ProcessIdentity.stat(of: pid) else {
      return true  // it exists, and /proc hides other people's processes
    }
    return stat.startTicks == startTicks && stat.state != "Z" && stat.state != "X"
  }

  private static func startTicks(of pid: Int32) -> Int64? { stat(of: pid)?.startTicks }

  /// The third and the 22nd field of `/proc/PID/stat`. The second, the command's name, may itself
  /// hold spaces and brackets: fields are counted from the last closing one.
  private static func stat(of pid: Int32) -> (state: String, startTicks: Int64)? {
    guard let line = readLine(of: "/proc/\(pid)/stat"), let end = line.lastIndex(of: ")") else {
      return nil
    }
    let fields = line[end...].dropFirst().split(separator: " ")
    guard fields.count > 19, let ticks = Int64(fields[19]) else { return nil }
    return (String(fields[0]), ticks)
  }

  private static func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return text(name)
  }

  private static func readLink(_ path: String) -> String? {
    var target = [CChar](repeating: 0, count: 256)
    return readlink(path, &target, target.count - 1) > 0 ? text(target) : nil
  }

  private static func readLine(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 4096)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    return text(line).split(separator: "\n").first.map(String.init)
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
