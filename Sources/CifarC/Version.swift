// The names are those of cifar.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CCifar
import CifarCore
import Kernels

nonisolated(unsafe) private let version = immortal(LibraryVersion.string)
nonisolated(unsafe) private let instructionSet = immortal(Kernels.current.name)

@_cdecl("cifar_version") @implementation
public func cifar_version() -> UnsafePointer<CChar>! { version }

@_cdecl("cifar_version_number") @implementation
public func cifar_version_number() -> UInt32 { UInt32(LibraryVersion.number) }

@_cdecl("cifar_instruction_set") @implementation
public func cifar_instruction_set() -> UnsafePointer<CChar>! { instructionSet }

@_cdecl("cifar_default_threads") @implementation
public func cifar_default_threads() -> UInt32 {
  HostEnvironment.isolated { UInt32(clamping: ThreadPool.defaultThreads) }
}
