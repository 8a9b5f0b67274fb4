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
  /// Where the groups of a batch end.
  private let groupEnds: AlignedBuffer<Int>
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
    groupEnds = try AlignedBuffer(count: BatchPartition.groups)
    let tileRows = kernels.tileRows
    packedA = try AlignedBuffer(
      count: sizes.map { blocks($0.rows, of: tileRows) * tileRows * $0.depth }.max() ?? 0)
  }

  /// One panel of B a worker: (depthBlock, panelLanes)
  ///
  /// - Parameter depth: of the deepest product over the images of a batch.
  static func scratch(_ tiles: KernelTiles, depth: Int = 0) -> ScratchSize {
    ScratchSize(worker: max(MatrixProduct.depthBlock, depth) * tiles.panelLanes)
  }

  /// - Parameter c: row-major, `columns` long rows; overwritten.
  func multiply(
    _ a: Matrix, _ b: Matrix, rows: Int, columns: Int, depth: Int, c: UnsafeMutablePointer<Float>
  ) {
    let tileRows = kernels.tileRows
    let panelLanes = kernels.panelLanes
    let panelStride = tileRows * depth
    pack(a, rows: rows, depth: depth)
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

  /// The same, where the depth is the images of a batch: group by group.
  func multiply(
    _ a: Matrix, _ b: Matrix, rows: Int, columns: Int, depth batch: BatchPartition,
    c: UnsafeMutablePointer<Float>
  ) {
    let panelLanes = kernels.panelLanes
    let depth = batch.count
    pack(a, rows: rows, depth: depth)
    for group in 0..<batch.groupCount { groupEnds[group] = batch[group].upperBound }
    pool.forEach(blocks(columns, of: panelLanes)) { panel, worker in
      let column = panel * panelLanes
      let packedB = scratch.pointer(worker: worker)
      let width = min(panelLanes, columns - column)
      kernels.packPanel(
        b.start + column * b.columnStride, lineStride: b.columnStride, step: b.rowStride,
        lines: width, tile: panelLanes, depth: depth, to: packedB)
      kernels.multiplyPanelByGroups(
        rows: rows, columns: width, ends: groupEnds.pointer, groups: batch.groupCount,
        a: packedA.pointer, panelStride: kernels.tileRows * depth, b: packedB, c: c + column,
        rowStride: columns)
    }
  }

  private func pack(_ a: Matrix, rows: Int, depth: Int) {
    let tileRows = kernels.tileRows
    pool.forEach(blocks(rows, of: tileRows)) { panel, _ in
      let row = panel * tileRows
      kernels.packPanel(
        a.start + row * a.rowStride, lineStride: a.rowStride, step: a.columnStride,
        lines: min(tileRows, rows - row), tile: tileRows, depth: depth,
        to: packedA.pointer + panel * tileRows * depth)
    }
  }
}
