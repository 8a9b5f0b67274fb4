import CifarCore
import Foundation
import TestSupport
import Testing

@testable import CifarRegistry

@Suite struct LivenessTests {
  let me = ProcessIdentity.current

  func changed(_ change: (inout ProcessIdentity) -> Void) -> ProcessIdentity {
    var process = me
    change(&process)
    return process
  }

  func life(_ process: ProcessIdentity, silent: Double = 0) -> ProcessIdentity.Life {
    process.life(seenFrom: me, secondsSilent: silent)
  }

  @Test func theKernelKnowsItsOwnProcesses() {
    #expect(!me.bootID.isEmpty && !me.pidNamespace.isEmpty && me.startTicks > 0)
    #expect(life(me) == .alive)
    #expect(life(me, silent: 1e6) == .alive, "a stalled process is alive")
    #expect(life(changed { $0.startTicks -= 1 }) == .dead, "the id was used again")
    #expect(life(changed { $0.pid = 0x3fff_fff0 }) == .dead)
  }

  /// A machine that was started again, or another one of the same name: a clone, a container.
  @Test func anotherBootOfTheSameHostIsDeadAfterSomeHeartbeats() {
    let before = changed { $0.bootID = "another" }
    #expect(life(before, silent: 1) == .unknown)
    #expect(life(before, silent: 120) == .unknown)
    #expect(life(before, silent: 151) == .dead)
  }

  /// No process has the id 0: to the kernel it is the caller's group, which lives.
  @Test func anIdThatNoProcessHasTellsNothing() {
    let nobody = changed { $0.pid = 0 }
    #expect(life(nobody, silent: 300) == .unknown)
    #expect(life(nobody, silent: 1e6) == .dead)
  }

  /// Without a start time another process of that id can't be told from this one.
  @Test func aProcessWithoutAStartTimeIsJudgedByItsSilence() {
    let unknown = changed { $0.startTicks = 0 }
    #expect(life(unknown, silent: 300) == .unknown)
    #expect(life(unknown, silent: 1e6) == .dead)
  }

  @Test func clocksThatJumpKillNobody() {
    #expect(life(me, silent: -1e9) == .alive)
    #expect(life(me, silent: 1e9) == .alive)
    let elsewhere = changed { ($0.host, $0.bootID) = ("elsewhere", "another") }
    #expect(life(elsewhere, silent: -1e9) == .unknown)
    #expect(life(changed { $0.bootID = "another" }, silent: -1e9) == .unknown)
  }

  @Test func whatSeemsToRunIsTakenOverOnlyWhenAskedFor() throws {
    let sample = try Sample()
    let session = try sample.start("far")
    try session.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1))
    try sample.registry.locked {
      try $0.execute("UPDATE sessions SET boot_id = '11111111-2222-3333-4444-555555555555'")
    }
    #expect(try sample.registry.runs()[0].status == .running)
    for error in [
      failure { try sample.registry.remove(["far"]) },
      failure { try sample.registry.resumeRun("far", session: Sample.info) },
      failure { try sample.registry.requireIdle("far", takeOver: false) },
    ] {
      #expect(error?.code == .busy && error?.isTransient == false)
      #expect(error?.message.contains("--take-over") == true)
    }
    try session.heartbeat()
    try sample.registry.remove(["far"], takeOver: true)
    #expect(failure { try session.heartbeat() }?.code == .busy)
    try sample.registry.restore("far")
    let second = try sample.registry.resumeRun("far", session: Sample.info, takeOver: true)
    #expect(failure { try session.heartbeat() }?.code == .busy)
    try second.record(epoch: Sample.epoch(2))
    try second.finish(status: .completed, reason: "done")
  }

  @Test func timesOfAHeartbeatFromTheFutureAreNoSilence() throws {
    let sample = try Sample()
    let session = try sample.start("early")
    try sample.registry.locked {
      try $0.execute(
        """
        UPDATE sessions SET boot_id = 'x', host = 'y',
          heartbeat = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 year')
        """)
    }
    let error = failure { try sample.registry.remove(["early"]) }
    #expect(error?.code == .busy && error?.message.contains("heard of 0 s ago") == true)
    try session.finish(status: .failed, reason: "")
  }

  @Test func elsewhereOnlySilenceTells() {
    let elsewhere = changed { ($0.host, $0.bootID) = ("elsewhere", "another") }
    let container = changed { $0.pidNamespace = "pid:[1]" }
    for process in [elsewhere, container] {
      #expect(life(process, silent: 300) == .unknown)
      #expect(life(process, silent: 1e6) == .dead)
    }
  }

  @Test func aZombieIsDead() throws {
    var pid: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    defer { free(arguments[0]) }
    #expect(posix_spawnp(&pid, "true", nil, nil, &arguments, nil) == 0)
    defer { waitpid(pid, nil, 0) }
    var process = me
    process.pid = pid
    for _ in 0..<500 {
      let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
      let fields = stat.split(separator: " ")
      process.startTicks = fields.count > 21 ? Int64(fields[21]) ?? 0 : 0
      if fields.count > 2 && fields[2] == "Z" { break }
      usleep(10_000)
    }
    #expect(life(process) == .dead)
  }

  @Test func aDeadRunReadsAsCrashedAndCanBeResumed() throws {
    let sample = try Sample()
    let first = try sample.start("lost")
    try first.record(epoch: Sample.epoch(1), checkpoint: Sample.checkpoint(1))
    try sample.registry.locked {
      try $0.execute(
        """
        UPDATE sessions SET pid_start_ticks = pid_start_ticks - 1,
          started = '2026-01-01T10:00:00.000Z', heartbeat = '2026-01-01T10:01:30.500Z'
        """)
    }
    let summary = try sample.other(.readOnly).runs()[0]
    #expect(summary.status == .crashed)
    #expect(abs(summary.durationSeconds - 90.5) < 0.01)
    #expect(try sample.registry.run(matching: "lost").sessions[0].status == .crashed)
    let second = try sample.other().resumeRun("lost", session: Sample.info)
    try second.record(epoch: Sample.epoch(2))
    let sessions = try sample.registry.run(matching: "lost").sessions
    #expect(sessions[0].status == .crashed)
    #expect(sessions[0].ended?.description == "2026-01-01T10:01:30.500Z")
    #expect(sessions[1].status == .running)
    #expect(failure { try first.heartbeat() }?.code == .busy)
  }

  @Test func timesReadAsTheyAreWritten() {
    for milliseconds: Int64 in [0, 1, 1_795_465_328_123, -1, 951_782_400_000] {
      let time = Timestamp(millisecondsSince1970: milliseconds)
      #expect(Timestamp(time.description) == time)
    }
    #expect(
      Timestamp(millisecondsSince1970: 951_782_400_000).description == "2000-02-29T00:00:00.000Z")
    #expect(Timestamp("2026-11-23 20:22:08") == nil)
  }
}
