import KernelABI

/// A number in memory: kernels that read or write activations are written for any of them.
protocol Stored: BitwiseCopyable {
  /// Addresses are multiples of the size of a vector of such numbers.
  static func load(_ p: UnsafePointer<Self>) -> Vector
  static func store(_ v: Vector, _ p: UnsafeMutablePointer<Self>)
}

extension Float: Stored {
  @inline(__always)
  static func load(_ p: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(p).assumingMemoryBound(to: Vector.self).pointee
  }
  @inline(__always)
  static func store(_ v: Vector, _ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).assumingMemoryBound(to: Vector.self).pointee = v
  }
}

extension BFloat16: Stored {
  @inline(__always)
  static func load(_ p: UnsafePointer<BFloat16>) -> Vector { loadBFloat16(p) }
  @inline(__always)
  static func store(_ v: Vector, _ p: UnsafeMutablePointer<BFloat16>) { storeBFloat16(v, p) }
}

extension KernelSet {
  public func widen(_ values: UnsafePointer<BFloat16>, count: Int, to floats: Output) {
    widenAll(values, count, floats)
  }

  /// A function of its own: in the table's entry the compiler leaves a call a vector.
  @inline(never)
  private func widenAll(_ values: UnsafePointer<BFloat16>, _ count: Int, _ floats: Output) {
    var i = 0
    while i < count {
      store(BFloat16.load(values + i), floats + i)
      i += lanes
    }
  }

  public func narrow(_ floats: Input, count: Int, to values: UnsafeMutablePointer<BFloat16>) {
    narrowAll(floats, count, values)
  }

  @inline(never)
  private func narrowAll(
    _ floats: Input, _ count: Int, _ values: UnsafeMutablePointer<BFloat16>
  ) {
    var i = 0
    while i < count {
      BFloat16.store(load(floats + i), values + i)
      i += lanes
    }
  }
}
