import Glibc

/// Asks for more memory than the machine has end the process without a word; this says so before.
public enum MemoryNeed {
  /// - Parameters:
  ///   - bytes: that are about to be allocated.
  ///   - thing: what for, for the message.
  /// - Throws: `outOfMemory` if the machine has not so much memory in all.
  public static func check(_ bytes: Int, for thing: String) throws {
    let all = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    guard bytes <= all else {
      let gigabytes = { (count: Int) in "\((count + (1 << 29)) >> 30) GiB" }
      throw CifarError(
        .outOfMemory,
        "\(thing) would take \(gigabytes(bytes)), this machine has \(gigabytes(all)): "
          + "a smaller model or batch size is needed")
    }
  }
}
