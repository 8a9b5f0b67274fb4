/// Minimal filtering F(4×4, 3×3) after Winograd and Lavin & Gray 2016 ("Fast Algorithms for
/// Convolutional Neural Networks"): a tile of 4×4 outputs costs 36 products a channel pair instead
/// of 144. Filters of 5×5 take F(2×2, 5×5), which has tiles of 2×2 outputs for 36 products instead of
/// 100, the same points, and so the same transform of the input.
///
/// With Cook and Toom, a tile is a polynomial that is evaluated at six points, multiplied there and
/// interpolated. The points are 0, ±√½, ±√2 and ∞: their products are small powers of two, which
/// keeps the transforms cheap, and their error is half of that of the usual 0, ±1, ±2, ∞.
///
/// - Forward: Y = Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A, where d is a 6×6 tile of the input, g a filter.
/// - Backward to the data: the same with the gradient of the output and rotated filters.
/// - Backward to the filters, F(3×3, 4×4) or F(5×5, 2×2): dg = Cᵀ[Σ (Bᵀ·d·B) ⊙ (D·dy·Dᵀ)]C over all
///   tiles, where dy is a tile of the output's gradient. The transform of d is the forward one.
///
/// A 6×6 tile becomes 36 points, point 6·row + column. Transformed tiles are kept in packs of six:
/// (groups, 36 points, 6 tiles, lanes) for each pack. So a pack's group stays in the first-level
/// cache while it is written, and the products read a point's tiles in one chunk.
public enum Winograd {
  public static let points = 36
  /// Tiles in a pack.
  public static let packTiles = 6

  /// Floats from one point to the next in the sums for the filters' gradient, (36, lanes, panel): a
  /// cache line more than it holds. At a power of two all points would share their cache sets.
  public static func sumStride(lanes: Int, panel: Int) -> Int { lanes * panel + 16 }
}

/// Where the tiles of a batch lie. Tile number t is column t mod `columns` of a row of tiles of an
/// image, images one after the other.
public struct WinogradTiling: Equatable, Sendable {
  public var height: Int
  public var width: Int
  /// Rows and columns of tiles in an image; the last ones may hang over its edge.
  public var rows: Int
  public var columns: Int
  /// Outputs of a tile along one side: 4 for filters of 3×3, 2 for those of 5×5.
  public var outputTile: Int

  /// - Parameters:
  ///   - kernel: rows of the filters, 3 or 5.
  ///   - pairs: whether tiles come in pairs beside each other: then `columns` is even, and the
  ///     last tile of a row may lie outside the image.
  public init(height: Int, width: Int, kernel: Int = 3, pairs: Bool = false) {
    self.height = height
    self.width = width
    outputTile = 7 - kernel
    rows = blocks(height, of: outputTile)
    columns = blocks(width, of: outputTile)
    if pairs { columns += columns % 2 }
  }

  public var tilesPerImage: Int { rows * columns }
}

/// Some tiles of some groups of a batch of (N, imageGroups, H, W, lanes).
public struct WinogradTiles {
  public var images: Values
  public var imageGroups: Int
  public var groups: Range<Int>
  public var tiles: Range<Int>

  public init(
    images: Values, imageGroups: Int, groups: Range<Int>, tiles: Range<Int>
  ) {
    self.images = images
    self.imageGroups = imageGroups
    self.groups = groups
    self.tiles = tiles
  }
}
