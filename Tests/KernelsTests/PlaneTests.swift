import Kernels
import TestSupport
import Testing

/// Batch normalisation and ReLU over one plane, (pixels, lanes).
@Suite(.onBothSides) struct PlaneTests {
  static let sizes = [1, 2, 3, 4, 7, 8, 9, 64]

  @Test(arguments: InstructionSet.all, sizes)
  func moments(set: InstructionSet, pixels: Int) {
    let sample = PlaneSample(set.kernels.lanes, pixels: pixels)
    let (shift, sum) = (GuardedBuffer(output: sample.lanes), GuardedBuffer(output: sample.lanes))
    let squares = GuardedBuffer(output: sample.lanes)
    set.kernels.planeMoments(
      Values(sample.plane.pointer), pixels: pixels, shift: shift.pointer, sum: sum.pointer,
      squares: squares.pointer)
    let four = [1, 3, 5, 7].map { $0 * pixels / 9 }
    for lane in 0..<sample.lanes {
      let values = four.map { Double(sample.plane[$0 * sample.lanes + lane]) }
      // The mean may be next to nothing; its error is that of what was added.
      let size = values.map(abs).reduce(0, +)
      #expect(abs(Double(shift[lane]) - values.reduce(0, +) / 4) <= 1e-7 * size)
    }
    let d = sample.each { x, lane, _ in x - Double(shift[lane]) }
    // Where the sum is next to nothing, its error is that of what was added.
    let size = d.map(abs).reduce(0, +)
    for (one, other) in zip(sum.array, sample.perLane(d)) {
      #expect(abs(Double(one) - other) <= 1e-6 * size)
    }
    #expect(relativeError(squares.array, sample.perLane(d.map { $0 * $0 })) < 1e-6)
    #expect(shift.isIntact && sum.isIntact && squares.isIntact)
  }

  @Test(arguments: InstructionSet.all, sizes)
  func sum(set: InstructionSet, pixels: Int) {
    let sample = PlaneSample(set.kernels.lanes, pixels: pixels)
    let sum = GuardedBuffer(output: sample.lanes)
    set.kernels.planeSum(sample.plane.pointer, pixels: pixels, sum: sum.pointer)
    #expect(relativeError(sum.array, sample.perLane(sample.each { x, _, _ in x })) < 1e-6)
    #expect(sum.isIntact)
  }

  @Test(arguments: InstructionSet.all, sizes)
  func forward(set: InstructionSet, pixels: Int) {
    let sample = PlaneSample(set.kernels.lanes, pixels: pixels)
    for relu in [false, true] {
      let output = GuardedBuffer(output: pixels * sample.lanes)
      set.kernels.planeForward(
        Values(sample.plane.pointer), pixels: pixels, scale: sample.scale.pointer,
        offset: sample.offset.pointer, relu: relu, output: output.pointer)
      #expect(relativeError(output.array, relu ? PointwiseOracles.relu(sample.z) : sample.z) < 1e-6)
      #expect(output.isIntact)
    }
  }

  @Test(arguments: InstructionSet.all, sizes)
  func backward(set: InstructionSet, pixels: Int) {
    let sample = PlaneSample(set.kernels.lanes, pixels: pixels)
    let gradient = GuardedBuffer(Samples.uniform(pixels * sample.lanes, seed: 9))
    for relu in [false, true] {
      let dz = sample.each { _, _, i in
        relu && sample.z[i] <= 0 ? 0 : Double(gradient[i])
      }
      let sum = GuardedBuffer(output: sample.lanes)
      let products = GuardedBuffer(output: sample.lanes)
      set.kernels.planeBackwardMoments(
        Values(sample.plane.pointer), gradient: gradient.pointer, pixels: pixels,
        scale: sample.scale.pointer, offset: sample.offset.pointer, relu: relu,
        mean: sample.mean.pointer, sum: sum.pointer, products: products.pointer)
      #expect(relativeError(sum.array, sample.perLane(dz)) < 1e-6)
      let weighted = sample.each { x, lane, i in dz[i] * (x - Double(sample.mean[lane])) }
      #expect(relativeError(products.array, sample.perLane(weighted)) < 1e-6)

      let expected = sample.dx(dz)
      // Into memory of its own, and over the gradient.
      let apart = GuardedBuffer(output: gradient.count)
      let inPlace = GuardedBuffer(gradient.array)
      for (from, to) in [(gradient, apart), (inPlace, inPlace)] {
        set.kernels.planeBackward(
          Values(sample.plane.pointer), gradient: from.pointer, pixels: pixels,
          scale: sample.scale.pointer, offset: sample.offset.pointer, relu: relu,
          slope: sample.slope.pointer, constant: sample.constant.pointer, dx: to.pointer)
        #expect(relativeError(to.array, expected) < 1e-6)
        #expect(to.isIntact)
      }
    }
  }

  @Test(arguments: InstructionSet.all, [false, true])
  func notANumberStays(set: InstructionSet, relu: Bool) {
    // Training that has gone astray must be seen in the loss and not end in zeros.
    let lanes = set.kernels.lanes
    let plane = GuardedBuffer([Float](repeating: .nan, count: 4 * lanes))
    let ones = GuardedBuffer([Float](repeating: 1, count: lanes))
    let output = GuardedBuffer([Float](repeating: 0, count: 4 * lanes))
    set.kernels.planeForward(
      Values(plane.pointer), pixels: 4, scale: ones.pointer, offset: ones.pointer, relu: relu,
      output: output.pointer)
    #expect(output.array.allSatisfy { $0.isNaN })
    let pooled = GuardedBuffer([Float](repeating: 0, count: lanes))
    let choice = GuardedBuffer(outputBytes: lanes)
    set.kernels.planeForwardPool(
      Values(plane.pointer), height: 2, width: 2, scale: ones.pointer, offset: ones.pointer,
      relu: relu,
      output: pooled.pointer, choice: choice.pointer, chosen: nil)
    #expect(pooled.array.allSatisfy { $0.isNaN })
    // 9 numbers: whole vectors and a rest.
    let row = GuardedBuffer([Float](repeating: .nan, count: 9))
    let zeros = GuardedBuffer([Float](repeating: 0, count: 9))
    set.kernels.addBias(row.pointer, count: 9, bias: zeros.pointer, relu: relu)
    #expect(row.array.allSatisfy { $0.isNaN })
  }
}

/// Random data of one plane. The scales have both signs, as a trained γ has.
struct PlaneSample {
  let lanes: Int
  let pixels: Int
  /// (pixels, lanes)
  let plane: GuardedBuffer<Float>
  let scale: GuardedBuffer<Float>
  let offset: GuardedBuffer<Float>
  let mean: GuardedBuffer<Float>
  let slope: GuardedBuffer<Float>
  let constant: GuardedBuffer<Float>
  /// scale·x + offset
  let z: [Double]

  init(_ lanes: Int, pixels: Int) {
    self.lanes = lanes
    self.pixels = pixels
    plane = GuardedBuffer(Samples.apart(pixels * lanes, seed: 1))
    scale = GuardedBuffer((0..<lanes).map { ($0 % 3 == 0 ? -1 : 1) * (0.5 + Float($0) / 8) })
    // Values lie 0.05 apart around 0: none comes to lie on the edge of the ReLU.
    offset = GuardedBuffer((0..<lanes).map { ($0 % 2 == 0 ? 0.007 : -0.009) })
    mean = GuardedBuffer(Samples.uniform(lanes, seed: 4))
    slope = GuardedBuffer(Samples.uniform(lanes, seed: 5))
    constant = GuardedBuffer(Samples.uniform(lanes, seed: 6))
    let (plane, scale, offset) = (plane, scale, offset)
    z = (0..<(pixels * lanes)).map {
      Double(plane[$0]) * Double(scale[$0 % lanes]) + Double(offset[$0 % lanes])
    }
  }

  func each(_ body: (_ x: Double, _ lane: Int, _ index: Int) -> Double) -> [Double] {
    (0..<(pixels * lanes)).map { body(Double(plane[$0]), $0 % lanes, $0) }
  }

  func perLane(_ values: [Double]) -> [Double] {
    (0..<lanes).map { lane in
      stride(from: lane, to: values.count, by: lanes).reduce(0) { $0 + values[$1] }
    }
  }

  /// scale·dz + slope·x + constant
  func dx(_ dz: [Double]) -> [Double] {
    each { x, lane, i in
      Double(scale[lane]) * dz[i] + Double(slope[lane]) * x + Double(constant[lane])
    }
  }
}
