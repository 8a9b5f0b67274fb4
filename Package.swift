// swift-tools-version: 6.1
import PackageDescription

// Kernels are optimised in every configuration: a debug build still trains at full speed. Their
// loops index with pointers only, so `-Ounchecked` drops nothing but overflow checks on indices.
let kernelFlags = [
  "-Ounchecked", "-wmo", "-num-threads", "1", "-enforce-exclusivity=unchecked",
]

// What the tests spend most of their time in without optimisation: random numbers, hashes, shapes and the
// oracles. A debug build optimises them as a release build does, with every check of `-O`.
let optimized: [SwiftSetting] = [
  .unsafeFlags(["-O", "-wmo", "-num-threads", "1"], .when(configuration: .debug))
]

// One source of kernels, one target an instruction set: each target holds a link to KernelBodies.
var kernelTargets: [Target] = [
  .target(
    name: "KernelsBaseline", dependencies: ["KernelABI", "CCPUFeatures"],
    swiftSettings: [.unsafeFlags(kernelFlags)])
]
#if arch(x86_64)
  kernelTargets.append(
    .target(
      name: "KernelsAVX2", dependencies: ["KernelABI", "CCPUFeatures"],
      swiftSettings: [
        .define("KERNELS_AVX2"),
        .unsafeFlags(kernelFlags + ["-Xcc", "-mavx2", "-Xcc", "-mfma"]),
      ]))
  let avx512 = ["avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"]
  kernelTargets.append(
    .target(
      name: "KernelsAVX512", dependencies: ["KernelABI", "CCPUFeatures"],
      swiftSettings: [
        .define("KERNELS_AVX512"),
        .unsafeFlags(kernelFlags + avx512.flatMap { ["-Xcc", "-m\($0)"] }),
      ]))
  kernelTargets.append(
    .target(
      name: "KernelsAVX512VNNI", dependencies: ["KernelABI", "CCPUFeatures"],
      swiftSettings: [
        .define("KERNELS_AVX512"), .define("KERNELS_AVX512VNNI"),
        .unsafeFlags(
          kernelFlags + (avx512 + ["avx512vnni"]).flatMap { ["-Xcc", "-m\($0)"] }),
      ]))
#endif

// What the fuzzers and a short test of the readers share; libFuzzer itself is linked only where
// `make fuzz` asks for it.
var fuzzTargets: [Target] = [
  .target(
    name: "FuzzTargets",
    dependencies: [
      "CheckpointFormat", "Cifar", "CifarCore", "CifarData", "CifarNN", "CifarRegistry",
      "CifarTraining", "CommandSupport", "CSQLite",
    ],
    path: "Tests/Fuzz/Targets"),
  .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"]),
]
if Context.environment["CIFAR_FUZZ"] != nil {
  fuzzTargets += [
    .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzz/CLibFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["FuzzTargets", "CLibFuzzer"], path: "Tests/Fuzz/Driver",
      linkerSettings: [.unsafeFlags(["-sanitize=address,fuzzer", "-use-ld=lld"])]),
  ]
}

let package = Package(
  name: "libcifar",
  products: [
    .library(name: "cifar", type: .dynamic, targets: ["CifarC"]),
    // A manifest can't hold a library and an executable of one name: `make build` installs this
    // one as `cifar`.
    .executable(name: "cifar-command", targets: ["CifarCommand"]),
    .executable(name: "cifar-runs", targets: ["CifarRunsCommand"]),
    // For other packages. It links an installed libcifar: without the kernels' unsafe flags, which
    // SwiftPM refuses in a dependency that has a version.
    .library(name: "CifarKit", targets: ["CifarKit"]),
  ],
  targets: kernelTargets + fuzzTargets + [
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CCifar", path: "include"),
    .target(name: "CCPUFeatures"),
    .target(name: "CMemory"),
    .target(name: "KernelABI", swiftSettings: optimized),
    .target(
      name: "Kernels",
      dependencies: ["KernelABI", "CCPUFeatures", "CifarCore"]
        + kernelTargets.map { .target(name: $0.name) }),
    .target(
      name: "CifarCore", dependencies: ["CCPUFeatures", "CMemory"], swiftSettings: optimized),
    .target(name: "CheckpointFormat", dependencies: ["CifarCore"]),
    .target(name: "CifarNN", dependencies: ["CheckpointFormat", "CifarCore", "Kernels"]),
    .target(name: "CifarData", dependencies: ["CifarCore"]),
    .target(
      name: "CifarTraining",
      dependencies: ["CheckpointFormat", "CifarCore", "CifarNN", "CifarData"]),
    .target(
      name: "Interchange", dependencies: ["CheckpointFormat", "CifarCore", "CifarData", "CifarNN"]),
    .target(name: "CifarRegistry", dependencies: ["CheckpointFormat", "CifarCore", "CSQLite"]),
    .target(
      name: "Cifar",
      dependencies: [
        "CheckpointFormat", "CifarCore", "CifarNN", "CifarData", "CifarTraining", "CifarRegistry",
        "Interchange", "Kernels", "CCifar",
      ]),
    .target(
      name: "CifarC",
      dependencies: [
        "CheckpointFormat", "Cifar", "CifarCore", "CifarNN", "CifarData", "CifarTraining",
        "CifarRegistry", "Interchange", "Kernels", "CCifar",
      ], exclude: ["exports.map"]),
    .target(
      name: "CifarKit", dependencies: ["CCifar"], path: "bindings/swift/CifarKit",
      linkerSettings: [.linkedLibrary("cifar")]),
    .target(name: "CommandSupport", dependencies: ["CifarCore"]),
    .executableTarget(
      name: "CifarCommand",
      dependencies: [
        "CheckpointFormat", "Cifar", "CifarCore", "CifarNN", "CifarData", "CifarTraining",
        "CifarRegistry", "CommandSupport", "Interchange", "CCifar",
      ],
      path: "Sources/cifar-command"),
    .target(name: "CMicroHTTP", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "RunPages", dependencies: ["CifarCore", "CommandSupport"]),
    .executableTarget(
      name: "CifarRunsCommand",
      dependencies: [
        "Cifar", "CifarCore", "CifarRegistry", "CMicroHTTP", "CommandSupport", "RunPages",
      ],
      path: "Sources/cifar-runs"),
    .executableTarget(
      name: "cifar-bench", dependencies: ["CheckpointFormat", "CifarCore", "CifarNN", "Kernels"],
      path: "Benchmarks/cifar-bench"),
    .executableTarget(
      name: "registry-bench", dependencies: ["CifarCore", "CifarRegistry", "CommandSupport"],
      path: "Benchmarks/registry-bench"),

    .target(
      name: "TestSupport", dependencies: ["CifarCore", "Kernels"], path: "Tests/Support",
      swiftSettings: optimized),
    .testTarget(name: "CifarCoreTests", dependencies: ["CifarCore", "CMemory", "TestSupport"]),
    .testTarget(
      name: "CheckpointFormatTests", dependencies: ["CheckpointFormat", "CifarCore"]),
    .testTarget(name: "KernelsTests", dependencies: ["CifarCore", "Kernels", "TestSupport"]),
    .testTarget(
      name: "CifarNNTests",
      dependencies: ["CheckpointFormat", "CifarCore", "CifarNN", "Kernels", "TestSupport"],
      exclude: ["Golden"]),
    .testTarget(
      name: "CifarDataTests", dependencies: ["CifarCore", "CifarData", "TestSupport"],
      exclude: ["Golden"]),
    .testTarget(
      name: "CifarTrainingTests",
      dependencies: [
        "CheckpointFormat", "CifarCore", "CifarNN", "CifarData", "CifarTraining", "TestSupport",
      ],
      exclude: ["Golden"]),
    .testTarget(
      name: "InterchangeTests",
      dependencies: ["CheckpointFormat", "CifarCore", "CifarNN", "Interchange", "TestSupport"]),
    .testTarget(name: "CommandSupportTests", dependencies: ["CifarCore", "CommandSupport"]),
    .testTarget(
      name: "CifarRegistryTests",
      dependencies: ["CifarCore", "CifarRegistry", "CSQLite", "TestSupport"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "CifarTests",
      dependencies: [
        "CheckpointFormat", "Cifar", "CifarCore", "CifarNN", "CifarData", "CifarTraining",
        "CifarRegistry", "Kernels", "TestSupport",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
