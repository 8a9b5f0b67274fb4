import CCPUFeatures
import KernelABI

// What Swift's own vectors do lane by lane, in one instruction each. These operators are found
// before the generic ones, as they are for one type.

@inline(__always)
func + (a: Vector, b: Vector) -> Vector { cpu_add(a, b) }

@inline(__always)
func - (a: Vector, b: Vector) -> Vector { cpu_subtract(a, b) }

@inline(__always)
func * (a: Vector, b: Vector) -> Vector { cpu_multiply(a, b) }

@inline(__always)
func / (a: Vector, b: Vector) -> Vector { cpu_divide(a, b) }

@inline(__always)
func += (a: inout Vector, b: Vector) { a = a + b }

#if arch(arm64) || KERNELS_AVX2 || KERNELS_AVX512
  /// a·b + c in one instruction.
  @inline(__always)
  func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector { cpu_multiply_add(a, b, c) }
#else
  /// a·b + c. Without an instruction for it, a fused multiply-add is a library call for each lane.
  @inline(__always)
  func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector { c + a * b }
#endif

@inline(__always)
func squareRoot(_ v: Vector) -> Vector { cpu_square_root(v) }

/// max(v, 0). NaN stays: training that diverged must show in the loss.
@inline(__always)
func positive(_ v: Vector) -> Vector { cpu_positive(v) }

/// a where the mask is set, b elsewhere.
@inline(__always)
func select(_ mask: SIMDMask<SignedVector>, _ a: Vector, _ b: Vector) -> Vector {
  cpu_select(unsafeBitCast(mask, to: SignedVector.self), a, b)
}

/// a where the mask is set, b elsewhere.
@inline(__always)
func select(
  _ mask: SIMDMask<SignedVector>, _ a: IntegerVector, _ b: IntegerVector
) -> IntegerVector {
  cpu_select(unsafeBitCast(mask, to: SignedVector.self), a, b)
}

@inline(__always)
func magnitude(_ v: Vector) -> Vector { cpu_magnitude(v) }

/// The larger of two numbers without a sign; NaN is larger than all.
@inline(__always)
func larger(_ a: Vector, _ b: Vector) -> Vector { cpu_larger(a, b) }

/// The smaller of two numbers without a sign.
@inline(__always)
func smaller(_ a: Vector, _ b: Vector) -> Vector { cpu_smaller(a, b) }

// MARK: Narrower numbers

/// Widens a byte a lane.
@inline(__always)
func loadBytes(_ p: UnsafePointer<UInt8>) -> IntegerVector {
  cpu_widen(UnsafeRawPointer(p).loadUnaligned(as: ByteVector.self))
}

/// Stores a byte a lane; no lane may be above 255.
@inline(__always)
func storeBytes(_ v: IntegerVector, _ p: UnsafeMutablePointer<UInt8>) {
  UnsafeMutableRawPointer(p).storeBytes(of: cpu_narrow(v), as: ByteVector.self)
}

@inline(__always)
func loadBFloat16(_ p: UnsafePointer<BFloat16>) -> Vector {
  cpu_from_bfloat16(UnsafeRawPointer(p).loadUnaligned(as: BFloat16Vector.self))
}

/// Rounded to nearest, ties to even; NaN stays NaN.
@inline(__always)
func storeBFloat16(_ v: Vector, _ p: UnsafeMutablePointer<BFloat16>) {
  UnsafeMutableRawPointer(p).storeBytes(of: cpu_to_bfloat16(v), as: BFloat16Vector.self)
}
