import KernelABI

// Maxima over rectangles of a plane. The backward pass looks for them once more: that costs less than
// a mask for each of them.

extension KernelSet {
  public func planeMaxPool(
    _ plane: Input, height: Int, width: Int, rows: Int, columns: Int, output: Output
  ) {
    var to = output
    for y in 0..<(height / rows) {
      for x in 0..<(width / columns) {
        let corner = plane + (y * rows * width + x * columns) * lanes
        store(maximum(corner, width, rows, columns).value, to)
        to += lanes
      }
    }
  }

  public func planeMaxPoolBackward(
    _ plane: Input, gradient: Input, height: Int, width: Int, rows: Int, columns: Int, dx: Output
  ) {
    for i in 0..<(height * width) { store(.zero, dx + i * lanes) }
    var from = gradient
    for y in 0..<(height / rows) {
      for x in 0..<(width / columns) {
        let corner = (y * rows * width + x * columns) * lanes
        let place = maximum(plane + corner, width, rows, columns).place
        let d = load(from)
        var index: UInt32 = 0
        for row in 0..<rows {
          for column in 0..<columns {
            let part = select(place .== all(index), d, .zero)
            store(part, dx + corner + (row * width + column) * lanes)
            index += 1
          }
        }
        from += lanes
      }
    }
  }

  /// The largest values of a rectangle, and which they are, the first of equals.
  @inline(__always)
  private func maximum(
    _ corner: Input, _ width: Int, _ rows: Int, _ columns: Int
  ) -> (value: Vector, place: IntegerVector) {
    var value = load(corner)
    var place = IntegerVector.zero
    var index: UInt32 = 0
    for row in 0..<rows {
      for column in 0..<columns {
        let x = load(corner + (row * width + column) * lanes)
        let isLarger = x .> value
        value = select(isLarger, x, value)
        place = select(isLarger, all(index), place)
        index += 1
      }
    }
    return (value, place)
  }
}
