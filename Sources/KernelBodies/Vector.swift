import CCPUFeatures
import KernelABI

#if arch(arm64) || KERNELS_AVX2
  /// a·b + c in one instruction.
  @inline(__always)
  func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector { c.addingProduct(a, b) }
#else
  /// a·b + c. Without an instruction for it, a fused multiply-add is a library call for each lane.
  @inline(__always)
  func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector { c + a * b }
#endif

#if KERNELS_AVX2
  let instructionSetName = "avx2"
#else
  let instructionSetName = "baseline"
#endif

/// The vector that everything is written in. Narrower hardware works on it in halves or quarters.
typealias Vector = SIMD8<Float>
typealias IntegerVector = SIMD8<UInt32>

let lanes = 8

public typealias Input = UnsafePointer<Float>
public typealias Output = UnsafeMutablePointer<Float>

/// Loads from an address that is a multiple of the vector's size.
@inline(__always)
func load(_ p: Input) -> Vector {
  UnsafeRawPointer(p).assumingMemoryBound(to: Vector.self).pointee
}

@inline(__always)
func load(_ p: Output) -> Vector { load(Input(p)) }

/// Stores to an address that is a multiple of the vector's size.
@inline(__always)
func store(_ v: Vector, _ p: Output) {
  UnsafeMutableRawPointer(p).assumingMemoryBound(to: Vector.self).pointee = v
}

/// Loads from any address.
@inline(__always)
func loadUnaligned(_ p: Input) -> Vector {
  UnsafeRawPointer(p).loadUnaligned(as: Vector.self)
}

/// Stores to any address.
@inline(__always)
func storeUnaligned(_ v: Vector, _ p: Output) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: Vector.self)
}

/// Asks for the cache line at `p`, which may be any address.
@inline(__always)
func prefetch(_ p: Input) { cpu_prefetch(p) }

/// One value in every lane.
@inline(__always)
func broadcast(_ p: Input) -> Vector { Vector(repeating: p.pointee) }

/// max(v, 0). NaN stays: training that went astray must show in the loss.
@inline(__always)
func positive(_ v: Vector) -> Vector { v.replacing(with: 0, where: v .< 0) }

/// Widens a byte a lane. (The conversions of the standard library go lane by lane.)
@inline(__always)
func loadBytes(_ p: UnsafePointer<UInt8>) -> IntegerVector {
  let raw = UnsafeRawPointer(p)
  let low = SIMD4(repeating: raw.loadUnaligned(as: UInt32.self))
  let high = SIMD4(repeating: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
  let words = IntegerVector(lowHalf: low, highHalf: high)
  return (words &>> IntegerVector(0, 8, 16, 24, 0, 8, 16, 24)) & 255
}

/// Stores a byte a lane; no lane may be above 255.
@inline(__always)
func storeBytes(_ v: IntegerVector, _ p: UnsafeMutablePointer<UInt8>) {
  let placed = v &<< IntegerVector(0, 8, 16, 24, 0, 8, 16, 24)
  let raw = UnsafeMutableRawPointer(p)
  raw.storeBytes(of: joined(placed.lowHalf), as: UInt32.self)
  raw.storeBytes(of: joined(placed.highHalf), toByteOffset: 4, as: UInt32.self)
}

@inline(__always)
private func joined(_ v: SIMD4<UInt32>) -> UInt32 {
  let half = v.lowHalf | v.highHalf
  return half[0] | half[1]
}

/// One integer in every lane. Comparing with a scalar goes lane by lane; with this it does not.
@inline(__always)
func all(_ value: UInt32) -> IntegerVector { IntegerVector(repeating: value) }

/// A row of vectors in the filters and accumulators: two groups of output channels.
let pair = 2 * lanes

/// The kernels of this instruction set.
public struct KernelSet: KernelTable {
  public init() {}

  public var name: String { instructionSetName }
  public var lanes: Int { 8 }
  public var tileRows: Int { 6 }
  public var tileColumns: Int { pair }
}
