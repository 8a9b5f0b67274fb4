import CheckpointFormat
import CifarCore
import Kernels

public struct MuonOptions: Equatable, Sendable {
  public var momentum: Double
  public var nesterov: Bool

  public init(momentum: Double = 0.6, nesterov: Bool = true) {
    self.momentum = momentum
    self.nesterov = nesterov
  }
}

/// Muon (Jordan et al. 2024) over weights that are matrices: those of dense layers, and filters as
/// (out, in·k·k).
///
///     m = µ·m + g;  u = g + µ·m with Nesterov's momentum, else m
///     w = w·√out / ‖w‖
///     w = w − rate · orthogonal(u)
///
/// where `orthogonal` makes the singular values of a matrix about 1: X = u/(‖u‖ + 1e-7), then three
/// Newton–Schulz steps X = a·X + (b·A + c·A²)·X with A = X·Xᵀ. The norms are Frobenius's.
public final class Muon: Optimizer {
  /// Of a Newton–Schulz step.
  private static let (a, b, c): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)
  private static let newtonSchulzSteps = 3

  private let network: Network
  private let options: MuonOptions
  private let pool: ThreadPool
  private let kernels: any KernelTable
  private let subset: ParameterSubset
  private let preparation: GradientPreparation
  private let momentum: OptimizerSlot
  private let product: MatrixProduct
  // As large as the largest weights.
  private let update: AlignedBuffer<Float>
  private let moved: AlignedBuffer<Float>
  // The smaller side squared.
  private let gram: AlignedBuffer<Float>
  private let polynomial: AlignedBuffer<Float>

  /// - Parameter subset: what it moves; nil for all parameters.
  /// - Throws: `invalidArgument` for a parameter that is no matrix, `outOfMemory`.
  public init(
    network: Network, options: MuonOptions, gradients: GradientOptions = GradientOptions(),
    subset: ParameterSubset? = nil, pool: ThreadPool, kernels: any KernelTable = Kernels.current
  ) throws {
    let subset = subset ?? network.allParameters
    if let other = subset.parameters.first(where: { $0.shape.count < 2 }) {
      throw CifarError(
        .invalidArgument,
        "muon moves the weights of convolutions and dense layers, and '\(other.name)' is neither: "
          + "give the others a group with another optimizer, such as "
          + "{\"parameters\": \"*.bias\", \"type\": \"sgd\"}")
    }
    self.network = network
    self.options = options
    self.pool = pool
    self.kernels = kernels
    self.subset = subset
    preparation = try GradientPreparation(
      network: network, options: gradients, subset: subset, pool: pool, kernels: kernels)
    momentum = try OptimizerSlot("momentum_buffer", subset)
    let largest = subset.parameters.map(\.count).max() ?? 0
    let sides = subset.parameters.map { ($0.shape[0], $0.count / max(1, $0.shape[0])) }
    let side = sides.map { min($0.0, $0.1) }.max() ?? 0
    update = try AlignedBuffer(count: largest, for: "the optimizer's matrices")
    moved = try AlignedBuffer(count: largest, for: "the optimizer's matrices")
    gram = try AlignedBuffer(count: side * side, for: "the optimizer's matrices")
    polynomial = try AlignedBuffer(count: side * side, for: "the optimizer's matrices")
    let sizes = sides.flatMap { rows, columns in
      let small = min(rows, columns)
      return [(small, max(rows, columns)), (small, small), (rows, small)]
    }
    product = try MatrixProduct(
      sizes: sizes.map { (rows: $0.0, depth: $0.1) }, kernels: kernels, pool: pool,
      scratch: Scratch(MatrixProduct.scratch(KernelTiles(kernels)), threads: pool.threads))
  }

  public func step(learningRate: Double) {
    preparation.run(learningRate: learningRate)
    for (parameter, place) in zip(subset.parameters, subset.places) {
      move(parameter, momentum.buffer.pointer + place, learningRate)
    }
    network.weightsChanged()
  }

  private func move(
    _ parameter: Network.Parameter, _ momenta: UnsafeMutablePointer<Float>, _ rate: Double
  ) {
    let count = parameter.count
    let weights = network.values.pointer + parameter.offset
    // SGD's own step, of weights that are 0, by 1.
    update.pointer.update(repeating: 0, count: count)
    let step = SGDStep(
      momentum: Float(options.momentum), isNesterov: options.nesterov, gradientFactor: 1,
      stepFactor: 1)
    kernels.sgd(
      count: count, parameters: update.pointer,
      gradients: network.gradients.pointer + parameter.offset, momenta: momenta, step: step)
    orthogonalize(rows: parameter.shape[0], columns: count / parameter.shape[0])
    let norm = kernels.squareSum(weights, count: count).squareRoot()
    if norm > 0 {
      kernels.scale(
        weights, count: count, factor: Float(Double(parameter.shape[0]).squareRoot() / norm))
    }
    kernels.scale(update.pointer, count: count, factor: Float(-rate))
    kernels.accumulate(update.pointer, count: count, into: weights)
  }

  /// The matrix in `update`.
  private func orthogonalize(rows: Int, columns: Int) {
    let count = rows * columns
    let x = update.pointer
    let norm = kernels.squareSum(x, count: count).squareRoot()
    kernels.scale(x, count: count, factor: Float(1 / (norm + 1e-7)))
    let side = min(rows, columns)
    let isWide = rows <= columns
    let matrix = MatrixProduct.Matrix(x, columns: columns)
    let square = MatrixProduct.Matrix(gram.pointer, columns: side)
    let factor = MatrixProduct.Matrix(polynomial.pointer, columns: side)
    for _ in 0..<Muon.newtonSchulzSteps {
      // A = X·Xᵀ; of a tall matrix Xᵀ·X, which is that of its transpose.
      product.multiply(
        isWide ? matrix : matrix.transposed, isWide ? matrix.transposed : matrix, rows: side,
        columns: side, depth: max(rows, columns), c: gram.pointer)
      // b·A + c·A²
      product.multiply(
        square, square, rows: side, columns: side, depth: side, c: polynomial.pointer)
      kernels.scale(polynomial.pointer, count: side * side, factor: Muon.c)
      kernels.scale(gram.pointer, count: side * side, factor: Muon.b)
      kernels.accumulate(gram.pointer, count: side * side, into: polynomial.pointer)
      product.multiply(
        isWide ? factor : matrix, isWide ? matrix : factor, rows: rows, columns: columns,
        depth: side, c: moved.pointer)
      kernels.scale(x, count: count, factor: Muon.a)
      kernels.accumulate(moved.pointer, count: count, into: x)
    }
  }

  public func stateTensors() -> [Tensor] { momentum.tensors() }

  public var stateNames: [String] { momentum.names }
  public var stateBytes: Int { momentum.bytes }

  public func load(_ tensors: [Tensor], stepCount: Int) throws {
    try OptimizerSlot.load([momentum], tensors)
  }
}
