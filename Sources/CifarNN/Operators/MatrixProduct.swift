import CifarCore
import Kernels

/// C = A·B of dense matrices, cut into panels and shared among the threads.
///
/// A and B are given by the distance between rows and between columns, so a transposed matrix is
/// the same numbers with the two exchanged. Sums run over the depth in blocks of fixed size, in
/// order.
final class MatrixProduct {
  struct Matrix {
    var start: UnsafePointer<Float>
    var rowStride: Int
    var columnStride: Int

    /// A row-major matrix whose rows are `columns` long.
    init(_ start: UnsafePointer<Float>, columns: Int) {
      self.start = start
      rowStride = columns
      columnStride = 1
    }

    var transposed: Matrix {
      var matrix = self
      swap(&matrix.rowStride, &matrix.columnStride)
      return matrix
    }
  }

  private let kernels: any KernelTable
  private let pool: ThreadPool
  private let scratch: Scratch
  /// Tiles of A: (rows/tileRows, depth, tileRows)
  private let packedA: AlignedBuffer<Float>
  /// A panel of B of this depth stays in the first-level cache while A passes by.
  private static let depthBlock = 256

  /// - Parameter sizes: rows and depth of every product that will be asked for.
  convenience init(sizes: [(rows: Int, depth: Int)], context: OperatorContext) throws {
    try self.init(
      sizes: sizes, kernels: context.kernels, pool: context.pool, scratch: context.scratch)
  }

  init(
    sizes: [(rows: Int, depth: Int)], kernels: any KernelTable, pool: ThreadPool, scratch: Scratch
  ) throws {
    self.kernels = kernels
    self.pool = pool
    self.scratch = scratch
    let tileRows = kernels.tileRows
    packedA = try AlignedBuffer(
      count: sizes.map { blocks($0.rows, of: tileRows) * tileRows * $0.depth }.max() ?? 0)
  }

  /// One panel of B a worker: (depthBlock, panelLanes)
  static func scratch(_ tiles: KernelTiles) -> ScratchSize {
    ScratchSize(worker: MatrixProduct.depthBlock * tiles.panelLanes)
  }

  /// - Parameter c: row-major, `columns` long rows; overwritten.
  func multiply(
    _ a: Matrix, _ b: Matrix, rows: Int, columns: Int, depth: Int, c: UnsafeMutablePointer<Float>
  ) {
    let tileRows = kernels.tileRows
    let panelLanes = kernels.panelLanes
    let panelStride = tileRows * depth
    pool.forEach(blocks(rows, of: tileRows)) { panel, _ in
      let row = panel * tileRows
      kernels.packPanel(
        a.start + row * a.rowStride, lineStride: a.rowStride, step: a.columnStride,
        lines: min(tileRows, rows - row), tile: tileRows, depth: depth,
        to: packedA.pointer + panel * panelStride)
    }
    pool.forEach(blocks(columns, of: panelLanes)) { panel, worker in
      let column = panel * panelLanes
      let packedB = scratch.pointer(worker: worker)
      let width = min(panelLanes, columns - column)
      var start = 0
      while start < depth {
        let block = min(MatrixProduct.depthBlock, depth - start)
        kernels.packPanel(
          b.start + column * b.columnStride + start * b.rowStride, lineStride: b.columnStride,
          step: b.rowStride, lines: width, tile: panelLanes, depth: block,
          to: packedB)
        kernels.multiplyPanel(
          rows: rows, columns: width, depth: block, a: packedA.pointer + start * tileRows,
          panelStride: panelStride, b: packedB, c: c + column,
          rowStride: columns, accumulate: start > 0)
        start += block
      }
    }
  }
}
