import CCPUFeatures
import CifarCore
import KernelABI
import KernelsBaseline

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
  import KernelsAVX512VNNI
#endif

/// The kernels this machine runs, chosen once.
public enum Kernels {
  /// Every table that this processor can run, the best last.
  public static let available: [any KernelTable] = {
    var tables: [any KernelTable] = [KernelsBaseline.KernelSet()]
    #if arch(x86_64)
      if cpu_has_avx2_fma() { tables.append(KernelsAVX2.KernelSet()) }
      if cpu_has_avx512() { tables.append(KernelsAVX512.KernelSet()) }
      if cpu_has_avx512_vnni() { tables.append(KernelsAVX512VNNI.KernelSet()) }
    #endif
    return tables
  }()

  /// The table in use: the best there is, or the one that `CIFAR_ISA` names. Where that can't be had
  /// the best one stays in use, and `check` throws.
  public static let current: any KernelTable =
    (try? requested.get()) ?? available[available.count - 1]

  /// - Throws: `invalidArgument` if `CIFAR_ISA` is no instruction set, `unsupported` if it is one that
  ///   this machine does not have.
  public static func check() throws { _ = try requested.get() }

  private static let requested = Result { () throws -> (any KernelTable)? in
    guard let choice = try Environment.instructionSet.get() else { return nil }
    if let table = available.first(where: { $0.name == choice.rawValue }) { return table }
    throw CifarError(
      .unsupported,
      "CIFAR_ISA is '\(choice.rawValue)', which can't run here; use "
        + "\(available.map(\.name).alternatives), and start the process again")
  }
}
