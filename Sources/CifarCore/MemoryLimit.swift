import CMemory
import Glibc

/// A limit on the memory of this process, and how much of it is left.
struct MemoryLimit: CustomStringConvertible {
  /// Whose limit it is: `this machine`, `the process's control group`.
  var owner: String
  var total: Int
  /// Bytes that may still be allocated; never negative.
  var available: Int

  init(_ owner: String, total: Int, used: Int) {
    self.owner = owner
    self.total = total
    available = max(0, total - min(max(0, used), total))
  }

  var description: String {
    "the \(MemoryNeed.size(total)) of \(owner) only \(MemoryNeed.size(available)) are left"
  }

  /// The machine's memory, the limits of the process (RLIMIT_AS, RLIMIT_DATA) and those of its
  /// control group and the groups around it.
  static func all() -> [MemoryLimit] {
    let use = MemoryUse.current()
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    var limits = [
      MemoryLimit("this machine", total: machine, used: max(use.resident, use.buffers))
    ]
    if let total = softLimit(RLIMIT_AS) {
      limits.append(
        MemoryLimit("address space (ulimit -v)", total: total, used: use.addressSpace))
    }
    if let total = softLimit(RLIMIT_DATA) {
      limits.append(MemoryLimit("data (ulimit -d)", total: total, used: use.data))
    }
    for group in ControlGroup.current() {
      // Buffers that were never written to are not counted by the system, but will be.
      let untouched = max(0, use.buffers - use.resident)
      limits.append(
        MemoryLimit(
          "the control group \(group.path)", total: group.limit, used: group.used + untouched))
    }
    return limits
  }

  /// nil for none.
  private static func softLimit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0,
      limit.rlim_cur != rlim_t.max
    else { return nil }
    return Int(clamping: limit.rlim_cur)
  }
}

/// What the process uses, in bytes.
struct MemoryUse {
  var addressSpace = 0
  var resident = 0
  var data = 0
  /// Buffers of this library, also the parts that were never written to.
  var buffers = 0

  static func current() -> MemoryUse {
    var use = MemoryUse()
    use.buffers = memory_buffer_total()
    // Pages: size, resident, shared, text, lib, data, dirty.
    guard let fields = File.systemText("/proc/self/statm")?.split(separator: " "),
      fields.count >= 6
    else { return use }
    let page = sysconf(Int32(_SC_PAGESIZE))
    func bytes(_ field: Int) -> Int { (Int(fields[field]) ?? 0) * page }
    (use.addressSpace, use.resident, use.data) = (bytes(0), bytes(1), bytes(5))
    return use
  }
}
