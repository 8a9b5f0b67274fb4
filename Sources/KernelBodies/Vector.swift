import CCPUFeatures
import KernelABI

// Vector: what everything is written in. Narrower hardware works on it in halves or quarters.
#if KERNELS_AVX512
  #if KERNELS_AVX512VNNI
    let instructionSetName = "avx512vnni"
  #else
    let instructionSetName = "avx512"
  #endif
  typealias Vector = SIMD16<Float>
  typealias IntegerVector = SIMD16<UInt32>
  typealias SignedVector = SIMD16<Int32>
  typealias BFloat16Vector = SIMD16<UInt16>
  typealias ByteVector = SIMD16<UInt8>
  typealias SignedByteVector = SIMD16<Int8>
  typealias TwoByteVectors = SIMD32<UInt8>
  typealias TwoSignedByteVectors = SIMD32<Int8>
  typealias ShortVector = SIMD32<Int16>
  typealias WideVector = SIMD8<UInt64>
  let lanes = 16
  @inline(__always)
  var laneNumbers: IntegerVector {
    IntegerVector(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  }
#else
  #if KERNELS_AVX2
    let instructionSetName = "avx2"
  #else
    let instructionSetName = "baseline"
  #endif
  typealias Vector = SIMD8<Float>
  typealias IntegerVector = SIMD8<UInt32>
  typealias SignedVector = SIMD8<Int32>
  typealias BFloat16Vector = SIMD8<UInt16>
  typealias ByteVector = SIMD8<UInt8>
  typealias SignedByteVector = SIMD8<Int8>
  typealias TwoByteVectors = SIMD16<UInt8>
  typealias TwoSignedByteVectors = SIMD16<Int8>
  typealias ShortVector = SIMD16<Int16>
  typealias WideVector = SIMD4<UInt64>
  let lanes = 8
  @inline(__always)
  var laneNumbers: IntegerVector { IntegerVector(0, 1, 2, 3, 4, 5, 6, 7) }
#endif

/// Channels of a panel: two vectors, six rows of which are twelve sums. With a row of factors and
/// what multiplies them that is one register less than sixteen; with all of them taken the compiler
/// keeps sums in memory.
let panelVectors = 2
let panel = panelVectors * lanes

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

/// Asks for the cache line at `p`, which may be any address, into the second-level cache.
@inline(__always)
func prefetchFar(_ p: UnsafeRawPointer) { cpu_prefetch_far(p) }

/// One value in every lane.
@inline(__always)
func broadcast(_ p: Input) -> Vector { Vector(repeating: p.pointee) }

/// The sum of all lanes, halves first.
@inline(__always)
func total(_ v: Vector) -> Float {
  #if KERNELS_AVX512
    let eight = v.lowHalf + v.highHalf
  #else
    let eight = v
  #endif
  let four = eight.lowHalf + eight.highHalf
  let two = four.lowHalf + four.highHalf
  return two[0] + two[1]
}

/// One integer in every lane. Comparing with a scalar goes lane by lane; with this it does not.
@inline(__always)
func all(_ value: UInt32) -> IntegerVector { IntegerVector(repeating: value) }

/// The kernels of this instruction set.
public struct KernelSet: KernelTable {
  public init() {}

  public var name: String { instructionSetName }
  public var lanes: Int { laneCount }
  public var panelLanes: Int { panel }
  public var tileRows: Int { Accumulators.rows }
}

/// `lanes` again, where a property hides it.
private let laneCount = lanes
