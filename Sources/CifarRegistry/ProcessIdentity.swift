import CifarCore
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

  /// Seconds between two signs of life.
  static let heartbeat: Double = 30
  /// Seconds without a sign of life after which a process that cannot be looked up counts as
  /// dead. Long, because a suspended machine or a stalled network drive must not cost a live run its name.
  static let silence: Double = 1800
  /// The same where the machine of that name was started again since, as it seems: a clone of it has
  /// its name, too, and its runs live.
  static let silenceAfterRestart = 5 * heartbeat

  static var current: ProcessIdentity {
    ProcessIdentity(
      host: hostName(), bootID: bootID() ?? "",
      pidNamespace: readLink("/proc/self/ns/pid") ?? "", pid: getpid(),
      startTicks: startTicks(of: getpid()) ?? 0)
  }

  /// Whether this process still runs, as far as `observer` can tell.
  ///
  /// Where the two share boot and namespace the kernel's answer is final, however old the last
  /// heartbeat is, and whatever the clocks say: a stopped process is alive. Elsewhere silence tells.
  /// A heartbeat from the future, by a clock that goes wrong, tells nothing.
  func life(seenFrom observer: ProcessIdentity, secondsSilent: Double) -> Life {
    if bootID == observer.bootID && pidNamespace == observer.pidNamespace && !bootID.isEmpty,
      let isRunning = isRunningHere()
    {
      return isRunning ? .alive : .dead
    }
    let wasRestarted =
      host == observer.host && !host.isEmpty && !bootID.isEmpty && !observer.bootID.isEmpty
      && bootID != observer.bootID
    let patience =
      wasRestarted ? ProcessIdentity.silenceAfterRestart : ProcessIdentity.silence
    return secondsSilent > patience ? .dead : .unknown
  }

  /// What the kernel says; nil where it does not.
  private func isRunningHere() -> Bool? {
    // 0 and below are groups of processes to the kernel: no process has such an id.
    guard pid > 0 else { return nil }
    if kill(pid, 0) != 0 && errno == ESRCH { return false }
    // Without /proc, or where it hides other people's processes, the id may be another's by now.
    guard let stat = ProcessIdentity.stat(of: pid), startTicks > 0 else { return nil }
    return stat.startTicks == startTicks && stat.state != "Z" && stat.state != "X"
  }

  private static func startTicks(of pid: Int32) -> Int64? { stat(of: pid)?.startTicks }

  /// The third and the 22nd field of `/proc/PID/stat`. The second, the command's name, may itself
  /// hold spaces and brackets: fields are counted from the last closing one.
  private static func stat(of pid: Int32) -> (state: String, startTicks: Int64)? {
    guard let line = File.systemText("/proc/\(pid)/stat"), let end = line.lastIndex(of: ")") else {
      return nil
    }
    let fields = line[end...].dropFirst().split { $0.isWhitespace }
    guard fields.count > 19, let ticks = Int64(fields[19]) else { return nil }
    return (String(fields[0]), ticks)
  }

  private static func bootID() -> String? {
    let text = File.systemText("/proc/sys/kernel/random/boot_id")
    return text?.split(separator: "\n").first.map(String.init)
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

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
