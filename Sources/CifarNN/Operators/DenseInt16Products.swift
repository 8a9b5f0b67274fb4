import CifarCore
import Kernels

/// The products of a dense layer with factors of 16 bits (`Int16Products`): x·Wᵀ and dy·W. That of the
/// weights' gradient sums over images whose gradients may differ in size by orders of magnitude, and
/// stays float32.
///
/// A row of x has a scale, and so has a unit's row of W. On the way back the scale of a unit is
/// multiplied into its gradient instead, so that the same numbers serve both ways.
final class DenseInt16Products {
  private let context: OperatorContext
  private let features: Int
  private let units: Int
  /// Numbers of a row, with their padding.
  private let depth: Int
  private let gradientDepth: Int
  /// (units, depth), and what takes their scales back.
  private let weights: AlignedBuffer<Int16>
  private let weightScales: AlignedBuffer<Float>
  private var version = -1
  /// (N, depth) or, in the backward pass, (N, gradient depth), and what takes their scales back.
  private let rows: AlignedBuffer<Int16>
  private let rowScales: AlignedBuffer<Float>

  /// Units of a chunk of work: their weights stay in the first-level cache.
  private static let unitsBlock = 6
  /// As deep a panel of W stays in the first-level cache.
  private static let depthBlock = 256

  /// With fewer units, rounding costs more than the products save.
  static func gains(units: Int) -> Bool { units >= 64 }

  /// - Throws: `outOfMemory`.
  init(features: Int, units: Int, context: OperatorContext) throws {
    self.context = context
    self.features = features
    self.units = units
    func padded(_ count: Int) -> Int {
      blocks(count, of: Int16Products.rowMultiple) * Int16Products.rowMultiple
    }
    depth = padded(features)
    gradientDepth = padded(units)
    weights = try AlignedBuffer(count: units * depth, for: "the rounded weights")
    weightScales = try AlignedBuffer(count: units)
    rows = try AlignedBuffer(
      count: context.batchSize * (context.training ? max(depth, gradientDepth) : depth))
    rowScales = try AlignedBuffer(count: context.batchSize)
  }

  /// A panel of W for each worker: (depthBlock / 2, panelLanes, 2) of int16.
  static func scratch(_ tiles: KernelTiles) -> ScratchSize {
    ScratchSize(worker: depthBlock / 2 * tiles.panelLanes)
  }

  /// y = x·Wᵀ.
  ///
  /// - Parameter newWeights: W, (units, features).
  func forward(
    count: Int, x: UnsafePointer<Float>, newWeights: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    round(count, x, features, factors: nil, depth: depth)
    let isStale = version != context.network.version
    version = context.network.version
    let chunks = WorkPartition(0..<units, most: 1, unit: DenseInt16Products.unitsBlock)
    context.pool.forEach(chunks.count) { index, _ in
      let chunk = chunks[index]
      if isStale {
        for unit in chunk {
          weightScales[unit] = kernels.int16Row(
            newWeights + unit * features, count: features, factors: nil,
            limit: Int16Products.weightLimit, to: weights.pointer + unit * depth, depth: depth)
        }
      }
      kernels.multiplyRowsInt16(
        rows: count, columns: chunk.count, depth: depth, a: rows.pointer,
        aScales: rowScales.pointer, b: weights.pointer + chunk.lowerBound * depth,
        bScales: weightScales.pointer + chunk.lowerBound, c: y + chunk.lowerBound, cStride: units)
    }
  }

  /// dx = dy·W, with the weights of the last forward pass.
  func backwardData(
    count: Int, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
  ) {
    let kernels = context.kernels
    round(count, dy, units, factors: weightScales.pointer, depth: gradientDepth)
    let panel = kernels.panelLanes
    context.pool.forEach(blocks(features, of: panel)) { index, worker in
      let column = index * panel
      let columns = min(panel, features - column)
      let packed = context.scratch.pointer(worker: worker).int16
      var unit = 0
      while unit < units {
        let block = min(DenseInt16Products.depthBlock, units - unit)
        kernels.packPairs(
          weights.pointer + unit * depth + column, stride: depth, rows: block, columns: columns,
          to: packed)
        kernels.multiplyPanelInt16(
          rows: count, columns: columns, pairs: blocks(block, of: 2), a: rows.pointer + unit,
          aStride: gradientDepth, scales: rowScales.pointer, b: packed, c: dx + column,
          rowStride: features, accumulate: unit > 0)
        unit += block
      }
    }
  }

  private func round(
    _ count: Int, _ values: UnsafePointer<Float>, _ width: Int, factors: UnsafePointer<Float>?,
    depth: Int
  ) {
    context.pool.forEach(count) { row, _ in
      rowScales[row] = context.kernels.int16Row(
        values + row * width, count: width, factors: factors, limit: Int16Products.plainLimit,
        to: rows.pointer + row * depth, depth: depth)
    }
  }
}
