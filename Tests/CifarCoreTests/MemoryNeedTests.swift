import CifarCore
import Testing

@testable import CifarCore

@Suite struct MemoryNeedTests {
  @Test(arguments: [
    (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (15 << 20, "15 MiB"),
    (3 << 30 | 1 << 27, "3.1 GiB"), (Int.max, "7.9 EiB"),
  ]) func sizesAreReadable(bytes: Int, text: String) {
    #expect(MemoryNeed.size(bytes) == text)
  }

  @Test func whatNoMachineHasIsRefusedByName() {
    let error = #expect(throws: CifarError.self) {
      try MemoryNeed.check(1 << 60, for: "the activations")
    }
    #expect(error?.code == .outOfMemory)
    #expect(error?.message.hasPrefix("1.0 EiB are needed for the activations, but of the ") == true)
    for count in [1 << 58, Int.max] {
      let error = #expect(throws: CifarError.self) {
        _ = try AlignedBuffer<Double>(count: count, for: "the weights")
      }
      #expect(error?.code == .outOfMemory)
      #expect(error?.message.contains("the weights") == true)
    }
    let secured = #expect(throws: CifarError.self) {
      try MemoryNeed.secured(1 << 60, for: "the rows") { Issue.record("it was run") }
    }
    #expect(secured?.code == .outOfMemory)
  }

  @Test func whatThereIsIsGiven() throws {
    #expect(try MemoryNeed.secured(1 << 20, for: "rows") { 7 } == 7)
    var numbers: [Int] = []
    for i in 0..<1000 { try numbers.append(secured: i, of: "numbers") }
    try numbers.append(securedContentsOf: 1000..<5000, of: "numbers")
    #expect(numbers == Array(0..<5000))
  }

  @Test func buffersAreCountedUntilTheyGo() throws {
    let size = 64 << 20
    let before = MemoryUse.current()
    var buffer: AlignedBuffer<UInt8>? = try AlignedBuffer(count: size)
    let during = MemoryUse.current()
    #expect(during.buffers - before.buffers >= size / 2)
    // Nothing was written to yet.
    #expect(during.resident - before.resident < size / 2)
    #expect(during.addressSpace > size && during.data > 0)
    #expect(buffer?[size - 1] == 0)
    buffer = nil
    #expect(MemoryUse.current().buffers < during.buffers)
  }

  @Test func aLimitNeverHasLessThanNothingLeft() {
    #expect(MemoryLimit("x", total: 10, used: 11).available == 0)
    #expect(MemoryLimit("x", total: 10, used: -1).available == 10)
    #expect(
      MemoryLimit("this machine", total: 2 << 30, used: 1 << 30).description
        == "the 2.0 GiB of this machine only 1.0 GiB are left")
  }
}

@Suite struct ControlGroupTests {
  private static let version2 = """
    24 30 0:22 / /proc rw,nosuid - proc proc rw
    35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
    """

  @Test func allGroupsAroundTheProcessAreLookedAt() {
    let places = ControlGroup.places(groups: "0::/a/b c\n", mounts: Self.version2)
    #expect(places.map(\.path) == ["/a/b c", "/a", "/"])
    #expect(
      places.map(\.directory) == [
        "/sys/fs/cgroup/a/b c", "/sys/fs/cgroup/a", "/sys/fs/cgroup",
      ])
    #expect(places.allSatisfy { $0.isVersion2 })
  }

  @Test func versionOneHasAHierarchyForMemory() {
    let mounts = """
      33 24 0:28 / /sys/fs/cgroup/cpu rw shared:1 - cgroup cgroup rw,cpu,cpuacct
      36 24 0:31 /docker/77 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
      """
    let groups = "12:cpu,cpuacct:/docker/77\n5:memory:/docker/77/job\n0::/x\n"
    let places = ControlGroup.places(groups: groups, mounts: mounts)
    // A container's mount begins inside the hierarchy.
    #expect(
      places == [
        .init(path: "/job", directory: "/sys/fs/cgroup/memory/job", isVersion2: false),
        .init(path: "/", directory: "/sys/fs/cgroup/memory", isVersion2: false),
      ])
  }

  @Test func processorsHaveAHierarchyOfTheirOwnInVersionOne() {
    let mounts = """
      33 24 0:28 /docker/77 /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct
      36 24 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
      """
    let places = ControlGroup.places(
      groups: "12:cpu,cpuacct:/docker/77/job\n5:memory:/docker/77\n", mounts: mounts,
      controller: "cpu")
    #expect(
      places.map(\.directory) == [
        "/sys/fs/cgroup/cpu,cpuacct/job", "/sys/fs/cgroup/cpu,cpuacct",
      ])
  }

  @Test func aGroupOutsideOfTheNamespaceIsItsRoot() {
    let places = ControlGroup.places(groups: "0::/../../x\n", mounts: Self.version2)
    #expect(places.map(\.directory) == ["/sys/fs/cgroup"])
  }

  @Test(
    arguments: [
      (["cpu.max": "max 100000\n"], nil), (["cpu.max": "150000 100000\n"], 2),
      (["cpu.max": "50000 100000\n"], 1), (["cpu.max": "200000 100000"], 2),
      (["cpu.max": "1 9223372036854775807"], 1), (["cpu.max": "9223372036854775807 1"], Int.max),
      (["cpu.max": "0 0"], nil), (["cpu.max": "100000"], nil), (["cpu.max": "x y z"], nil),
      ([:], nil),
    ] as [([String: String], Int?)])
  func aQuotaIsCountedInProcessors(files: [String: String], processors: Int?) {
    let place = ControlGroup.Place(path: "/a", directory: "/g/a", isVersion2: true)
    let found = ControlGroup.processors(place) { path in
      path.hasPrefix("/g/a/") ? files[String(path.dropFirst(5))] : nil
    }
    #expect(found == processors)
  }

  @Test func versionOneWritesQuotaAndPeriodApart() {
    let place = ControlGroup.Place(path: "/a", directory: "/g/a", isVersion2: false)
    func processors(_ quota: String) -> Int? {
      ControlGroup.processors(place) {
        ["/g/a/cpu.cfs_quota_us": quota, "/g/a/cpu.cfs_period_us": "100000\n"][$0]
      }
    }
    #expect(processors("-1\n") == nil)
    #expect(processors("250000\n") == 3)
  }

  @Test func moreThreadsThanProcessorsAreNotMade() throws {
    let most = ThreadPool.defaultThreads
    #expect(try ThreadPool.threads(askedFor: 1) == 1)
    #expect(try ThreadPool.threads(askedFor: 1024) == min(1024, most))
    #expect(throws: CifarError.self) { try ThreadPool.threads(askedFor: 1025) }
    #expect(throws: CifarError.self) { try ThreadPool.threads(askedFor: 0) }
  }

  @Test(arguments: ["", "nonsense", "0::", "x:memory", "0::/a\n\n:::"])
  func textsThatAreNoneGiveNothing(text: String) {
    #expect(ControlGroup.places(groups: text, mounts: "").isEmpty)
    #expect(ControlGroup.places(groups: "0::/a", mounts: text).isEmpty)
  }

  @Test func theCacheOfFilesIsNotCounted() {
    let files = [
      "/g/memory.max": "1000000\n", "/g/memory.current": "700000\n",
      "/g/memory.stat": "anon 200000\nfile 450000\ninactive_file 300000\nactive_file 100000\n",
    ]
    let place = ControlGroup.Place(path: "/g", directory: "/g", isVersion2: true)
    #expect(
      ControlGroup.read(place) { files[$0] }
        == ControlGroup(path: "/g", limit: 1_000_000, used: 300_000))
  }

  @Test(arguments: [
    (true, "memory.max", "max\n"), (false, "memory.limit_in_bytes", "9223372036854771712\n"),
    (true, "memory.max", "-5 x"), (true, "elsewhere", "1"),
  ]) func groupsWithoutALimitAreNone(isVersion2: Bool, file: String, text: String) {
    let place = ControlGroup.Place(path: "/g", directory: "/g", isVersion2: isVersion2)
    #expect(ControlGroup.read(place) { $0 == "/g/\(file)" ? text : nil } == nil)
  }
}
