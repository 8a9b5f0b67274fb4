import Kernels
import TestSupport
import Testing

/// Maxima over rectangles of one plane, (H, W, lanes).
@Suite(.onBothSides) struct MaximaTests {
  @Test(arguments: InstructionSet.all)
  func squaresAndTheWholePlane(set: InstructionSet) {
    for (height, width) in SmallImages.sizes + [(9, 10)] {
      for (rows, columns) in [(2, 2), (3, 3), (height, width)]
      where rows <= height && columns <= width {
        check(set, height, width, rows, columns)
      }
    }
  }

  private func check(
    _ set: InstructionSet, _ height: Int, _ width: Int, _ rows: Int, _ columns: Int
  ) {
    let lanes = set.kernels.lanes
    let (pixels, pooled) = (height * width, (height / rows) * (width / columns))
    // Few different values: many maxima are there twice.
    let values = Samples.uniform(pixels * lanes, seed: 1, -3, 3).map { $0.rounded() }
    let plane = GuardedBuffer(values)
    let output = GuardedBuffer(output: pooled * lanes)
    set.kernels.planeMaxPool(
      plane.pointer, height: height, width: width, rows: rows, columns: columns,
      output: output.pointer)
    let gradient = GuardedBuffer(Samples.uniform(pooled * lanes, seed: 2))
    let dx = GuardedBuffer(output: pixels * lanes)
    set.kernels.planeMaxPoolBackward(
      plane.pointer, gradient: gradient.pointer, height: height, width: width, rows: rows,
      columns: columns, dx: dx.pointer)
    for lane in 0..<lanes {
      let x = (0..<pixels).map { Double(values[$0 * lanes + lane]) }
      let expected = PointwiseOracles.maxPool(
        x, height: height, width: width, rows: rows, columns: columns)
      #expect((0..<pooled).map { Double(output[$0 * lanes + lane]) } == expected)
      var slopes = [Float](repeating: 0, count: pixels)
      for (index, largest) in expected.enumerated() {
        let (y, column) = index.quotientAndRemainder(dividingBy: width / columns)
        let places = (0..<(rows * columns)).map {
          (y * rows + $0 / columns) * width + column * columns + $0 % columns
        }
        if let first = places.first(where: { x[$0] == largest }) {
          slopes[first] = gradient[index * lanes + lane]
        }
      }
      #expect((0..<pixels).map { dx[$0 * lanes + lane] } == slopes)
    }
    #expect(output.isIntact && dx.isIntact)
  }
}
