// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "Example",
  dependencies: [
    // Elsewhere: .package(url: "https://…/libcifar.git", from: "0.2.0")
    .package(name: "libcifar", path: "../../..")
  ],
  targets: [
    .executableTarget(
      name: "train", dependencies: [.product(name: "CifarKit", package: "libcifar")]),
    .testTarget(
      name: "CifarKitTests", dependencies: [.product(name: "CifarKit", package: "libcifar")]),
  ],
  swiftLanguageModes: [.v6]
)
