import CCPUFeatures
import Glibc
import KernelABI
import KernelsBaseline

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif

/// The kernels this machine runs, chosen once.
public enum Kernels {
  /// Every table that this processor can run, the best last.
  public static let available: [any KernelTable] = {
    var tables: [any KernelTable] = [KernelsBaseline.KernelSet()]
    #if arch(x86_64)
      if cpu_has_avx2_fma() { tables.append(KernelsAVX2.KernelSet()) }
      if cpu_has_avx512() { tables.append(KernelsAVX512.KernelSet()) }
    #endif
    return tables
  }()

  /// The table in use: the best there is, or the one `CIFAR_ISA` names. A name that this machine
  /// can't run leaves the best one in use; `unavailableRequest` tells.
  public static let current: any KernelTable =
    available.first { $0.name == requested } ?? available[available.count - 1]

  /// What `CIFAR_ISA` asks for and this machine does not have; nil in the ordinary case.
  public static let unavailableRequest: String? =
    requested.flatMap { name in available.contains { $0.name == name } ? nil : name }

  private static let requested: String? = getenv("CIFAR_ISA").map { String(cString: $0) }
}
