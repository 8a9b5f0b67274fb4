import CCPUFeatures
import KernelABI

// Pairs of int16: a lane holds two, and an instruction multiplies both by two others and adds the
// products to an int32. Vectors of them, and of int32, are of type Vector, whose bits they are.

/// round(v·scale), ties to even, in the lower half of each lane. It must be an int16.
@inline(__always)
func toInt16(_ v: Vector, _ scale: Vector) -> Vector {
  // 1.5·2²³: the last binary digit of a sum this large is 1.
  multiplyAdd(v, scale, Vector(repeating: 12_582_912))
}

/// The same, but not fused: with the same bits on every processor.
@inline(__always)
func toInt16Unfused(_ v: Vector, _ scale: Vector) -> Vector {
  v * scale + Vector(repeating: 12_582_912)
}

/// Lanes of int32 as float32.
@inline(__always)
func fromInt32(_ v: Vector) -> Vector { cpu_from_int32(v) }

/// The lower halves of two vectors as pairs.
@inline(__always)
func pairs(_ first: Vector, _ second: Vector) -> Vector { cpu_interleave(first, second) }

/// `lanes` numbers of each of two rows as pairs, from any address.
@inline(__always)
func loadPairs(_ first: UnsafePointer<Int16>, _ second: UnsafePointer<Int16>) -> Vector {
  cpu_interleave(
    UnsafeRawPointer(first).loadUnaligned(as: BFloat16Vector.self),
    UnsafeRawPointer(second).loadUnaligned(as: BFloat16Vector.self))
}

@inline(__always)
func storeLowerHalves(_ v: Vector, _ p: UnsafeMutablePointer<Int16>) {
  UnsafeMutableRawPointer(p).storeBytes(of: cpu_low_halves(v), as: BFloat16Vector.self)
}

/// One pair in every lane.
@inline(__always)
func broadcastPair(_ p: UnsafePointer<Int16>) -> Vector {
  Vector(repeating: UnsafeRawPointer(p).assumingMemoryBound(to: Float.self).pointee)
}

/// Loads a pair a lane from an address that is a multiple of the vector's size.
@inline(__always)
func loadPairs(_ p: UnsafePointer<Int16>) -> Vector {
  UnsafeRawPointer(p).assumingMemoryBound(to: Vector.self).pointee
}

/// The same from any address.
@inline(__always)
func loadPairsUnaligned(_ p: UnsafePointer<Int16>) -> Vector {
  UnsafeRawPointer(p).loadUnaligned(as: Vector.self)
}

@inline(__always)
func storePairs(_ v: Vector, _ p: UnsafeMutablePointer<Int16>) {
  UnsafeMutableRawPointer(p).assumingMemoryBound(to: Vector.self).pointee = v
}

/// sums + a₀·b₀ + a₁·b₁ of int32.
@inline(__always)
func multiplyAddPairs(_ a: Vector, _ b: Vector, _ sums: Vector) -> Vector {
  cpu_add_pairs(sums, a, b)
}

/// The 36 factors of the points of one image.
struct PointScales {
  private let bounds: Output
  private let scales: Output

  /// A whole number of vectors of both sizes.
  private static let count = 48
  static let bytes = 2 * count * 4

  /// - Parameters:
  ///   - memory: `bytes`, aligned to a vector.
  ///   - bound: of a point of one side.
  @inline(__always)
  init(_ memory: UnsafeMutableRawPointer, bound: (Int) -> Float) {
    bounds = memory.assumingMemoryBound(to: Float.self)
    scales = bounds + PointScales.count
    for point in 0..<PointScales.count {
      bounds[point] =
        point < Winograd.points ? 1 / (bound(point / 6) * bound(point % 6)) : 0
    }
  }

  @inline(__always)
  func set(_ scale: Float) {
    for i in stride(from: 0, to: PointScales.count, by: lanes) {
      store(load(bounds + i) * Vector(repeating: scale), scales + i)
    }
  }

  @inline(__always)
  subscript(point: Int) -> Vector { broadcast(Input(scales + point)) }
}

extension KernelSet {
  public func largestMagnitude(_ values: Values, count: Int) -> Float {
    switch values.storage {
    case .float32: largest(UnsafePointer(values.floats), count)
    case .bfloat16: largest(UnsafePointer(values.bfloat16s), count)
    // See `wrongStorage`.
    case .uint8, .int8: .nan
    }
  }

  @inline(__always)
  private func largest<Element: Stored>(_ values: UnsafePointer<Element>, _ count: Int) -> Float {
    var (m0, m1, m2, m3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
    var i = 0
    while i + 4 * lanes <= count {
      m0 = larger(m0, magnitude(Element.load(values + i)))
      m1 = larger(m1, magnitude(Element.load(values + i + lanes)))
      m2 = larger(m2, magnitude(Element.load(values + i + 2 * lanes)))
      m3 = larger(m3, magnitude(Element.load(values + i + 3 * lanes)))
      i += 4 * lanes
    }
    while i < count {
      m0 = larger(m0, magnitude(Element.load(values + i)))
      i += lanes
    }
    return largestLane(larger(larger(m0, m1), larger(m2, m3)))
  }
}

/// The largest lane of magnitudes.
@inline(__always)
func largestLane(_ magnitudes: Vector) -> Float {
  // As bits, so that NaN is the largest.
  var result: UInt32 = 0
  for lane in 0..<lanes { result = max(result, magnitudes[lane].bitPattern) }
  return Float(bitPattern: result)
}
