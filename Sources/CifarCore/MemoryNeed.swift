import CMemory
import Glibc

/// Checks whether memory can be had before it is asked for: a process that takes more than there is
/// is ended by the system without a word, and a Swift array that can't grow ends the process.
public enum MemoryNeed {
  /// Bytes from which on a look at the system's limits is worth its time, some 30 µs.
  static let worthACheck = 2 << 20

  /// Compares a need with what the process may still use: see `MemoryLimit`.
  ///
  /// - Parameters:
  ///   - bytes: that are about to be allocated, on top of all there is.
  ///   - thing: what for, in the plural, for the message.
  /// - Throws: `outOfMemory`, naming the need and the limit.
  public static func check(_ bytes: Int, for thing: String) throws {
    for limit in MemoryLimit.all() where bytes > limit.available {
      throw error(bytes, thing, "but of \(limit)")
    }
  }

  /// Runs `body`, which allocates at most this many bytes in arrays, strings and the like.
  ///
  /// They are kept for this thread meanwhile, so that its allocations do not fail.
  /// - Throws: `outOfMemory` if they can't be had; `body` is then not run.
  public static func secured<Result>(
    _ bytes: Int, for thing: String, _ body: () throws -> Result
  ) throws -> Result {
    if bytes >= worthACheck { try check(bytes, for: thing) }
    let ticket = memory_secure(max(bytes, 1))
    guard ticket >= 0 else { throw failure(bytes, for: thing) }
    defer { memory_unsecure(ticket) }
    return try body()
  }

  /// To be called from time to time by whatever allocates many small things: between two batches,
  /// rows, tensors.
  ///
  /// - Throws: `outOfMemory` once the library lives on its reserve.
  public static func checkReserve() throws {
    guard memory_is_low() else { return }
    throw CifarError(.outOfMemory, "no memory is left; free some, or use a smaller model or batch")
  }

  /// What to throw where the system refused.
  public static func failure(_ bytes: Int, for thing: String) -> CifarError {
    let tightest = MemoryLimit.all().min { $0.available < $1.available }
    guard let tightest, bytes > tightest.available else {
      return error(bytes, thing, "which can't be had")
    }
    return error(bytes, thing, "but of \(tightest)")
  }

  private static func error(_ bytes: Int, _ thing: String, _ reason: String) -> CifarError {
    CifarError(
      .outOfMemory,
      "\(size(bytes)) are needed for \(thing), \(reason); use a smaller model or batch size")
  }

  /// `3.1 GiB`
  static func size(_ bytes: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var whole = bytes
    var rest = 0
    var unit = 0
    while whole >= 1024, unit < units.count - 1 {
      rest = whole % 1024
      whole /= 1024
      unit += 1
    }
    return whole < 10 && unit > 0
      ? "\(whole).\(rest * 10 / 1024) \(units[unit])" : "\(whole) \(units[unit])"
  }
}

/// Memory put aside, to be given up when it is needed to end in good order: to store a checkpoint and
/// to write down why a run failed.
public final class EmergencyMemory {
  private var block: UnsafeMutableRawPointer?

  /// - Throws: `outOfMemory`.
  public init(bytes: Int) throws {
    block = malloc(bytes)
    if block == nil { throw MemoryNeed.failure(bytes, for: "the reserve for the run's end") }
  }

  deinit { free(block) }

  public func release() {
    free(block)
    block = nil
  }
}

extension Array {
  /// Appends without growing beyond what can be had.
  ///
  /// - Parameters:
  ///   - thing: what the elements are, in the plural, for the message.
  /// - Throws: `outOfMemory`; nothing is appended then.
  public mutating func append(secured element: Element, of thing: String) throws {
    if count == capacity {
      let next = Swift.max(16, capacity * 2)
      try MemoryNeed.secured(next * MemoryLayout<Element>.stride + 64, for: thing) {
        reserveCapacity(next)
      }
    }
    append(element)
  }

  /// The same for many.
  public mutating func append(
    securedContentsOf elements: some Collection<Element>, of thing: String
  ) throws {
    if capacity - count < elements.count {
      let next = Swift.max(count + elements.count, capacity + capacity / 2)
      try MemoryNeed.secured(next * MemoryLayout<Element>.stride + 64, for: thing) {
        reserveCapacity(next)
      }
    }
    append(contentsOf: elements)
  }
}
