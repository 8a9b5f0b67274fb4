import KernelABI

// The way back from the transformed space: Aᵀ·m·A, with the points of WinogradInput.

private let a: Float = 0.707106781  // √½
private let b: Float = 1.414213562  // √2

private let packTiles = Winograd.packTiles
/// Floats from one point of a tile to the next in a pack of a panel.
private let panelStep = packTiles * panel

extension KernelSet {
  public func winogradOutput(
    _ tiling: WinogradTiling, _ product: Input, first: Int, count: Int, scales: Input?,
    bias: Input?, relu: Bool, to images: Values, groups: Int, panel index: Int
  ) {
    switch (images.storage, tiling.outputTile) {
    case (.float32, FourOutputs.size):
      transformProducts(
        FourOutputs.self, tiling, product, first, count, scales, bias, relu, to: images.floats,
        groups,
        panel: index)
    case (.float32, _):
      transformProducts(
        TwoOutputs.self, tiling, product, first, count, scales, bias, relu, to: images.floats,
        groups,
        panel: index)
    case (.bfloat16, FourOutputs.size):
      transformProducts(
        FourOutputs.self, tiling, product, first, count, scales, bias, relu, to: images.bfloat16s,
        groups,
        panel: index)
    case (.bfloat16, _):
      transformProducts(
        TwoOutputs.self, tiling, product, first, count, scales, bias, relu, to: images.bfloat16s,
        groups,
        panel: index)
    case (.uint8, _), (.int8, _): wrongStorage()
    }
  }

  @inline(__always)
  private func transformProducts<Element: Stored, Tile: OutputTile>(
    _: Tile.Type, _ tiling: WinogradTiling, _ product: Input, _ first: Int, _ count: Int,
    _ scales: Input?,
    _ bias: Input?, _ relu: Bool, to images: UnsafeMutablePointer<Element>, _ groups: Int,
    panel index: Int
  ) {
    withUnsafeTemporaryAllocation(byteCount: 16 * lanes * 4, alignment: 64) { bytes in
      let tile = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      for tileIndex in 0..<count {
        let place = TilePlace(tiling, first + tileIndex)
        let size = Tile.size
        let y = place.row * size
        let x = place.column * size
        if x >= tiling.width { continue }
        let scale = scales.map { broadcast($0 + place.image) } ?? Vector(repeating: 1)
        for group in (index * panelVectors)..<min(groups, (index + 1) * panelVectors) {
          let m =
            product + tileIndex / packTiles * Winograd.points * panelStep
            + tileIndex % packTiles * panel + (group - index * panelVectors) * lanes
          let shift = bias.map { load($0 + group * lanes) } ?? .zero
          let plane =
            images + (place.image * groups + group) * tiling.height * tiling.width * lanes
          let to = plane + (y * tiling.width + x) * lanes
          if y + size <= tiling.height && x + size <= tiling.width {
            if relu {
              transformOutput(Tile.self, m, scale, shift, true, to, tiling.width * lanes)
            } else {
              transformOutput(Tile.self, m, scale, shift, false, to, tiling.width * lanes)
            }
          } else {
            transformOutput(Tile.self, m, scale, shift, relu, tile, size * lanes)
            for row in 0..<min(size, tiling.height - y) {
              for column in 0..<min(size, tiling.width - x) {
                Element.store(
                  load(tile + (row * size + column) * lanes),
                  to + (row * tiling.width + column) * lanes)
              }
            }
          }
        }
      }
    }
  }

  /// One tile: 36 points of a pack to values in rows `stride` apart.
  @inline(__always)
  private func transformOutput<Element: Stored, Tile: OutputTile>(
    _: Tile.Type, _ m: Input, _ scale: Vector, _ bias: Vector, _ relu: Bool,
    _ to: UnsafeMutablePointer<Element>, _ stride: Int
  ) {
    if Tile.size == 4 {
      transformToFour(m, scale, bias, relu, to, stride)
    } else {
      transformToTwo(m, scale, bias, relu, to, stride)
    }
  }

  /// To 2×2 values.
  @inline(__always)
  private func transformToTwo<Element: Stored>(
    _ m: Input, _ scale: Vector, _ bias: Vector, _ relu: Bool, _ to: UnsafeMutablePointer<Element>,
    _ stride: Int
  ) {
    @inline(__always)
    func column(_ x: Int) -> (Vector, Vector) {
      let p = m + x * panelStep
      return twoOutputs(
        (
          load(p), load(p + 6 * panelStep), load(p + 12 * panelStep), load(p + 18 * panelStep),
          load(p + 24 * panelStep), load(p + 30 * panelStep)
        ))
    }
    let (e0, f0) = column(0)
    let (e1, f1) = column(1)
    let (e2, f2) = column(2)
    let (e3, f3) = column(3)
    let (e4, f4) = column(4)
    let (e5, f5) = column(5)
    rowOfTwo((e0, e1, e2, e3, e4, e5), scale, bias, relu, to)
    rowOfTwo((f0, f1, f2, f3, f4, f5), scale, bias, relu, to + stride)
  }

  /// Transparent, as `outputRow`.
  @_transparent
  private func rowOfTwo<Element: Stored>(
    _ m: Six, _ scale: Vector, _ bias: Vector, _ relu: Bool, _ to: UnsafeMutablePointer<Element>
  ) {
    let two = twoOutputs(m)
    let row = (multiplyAdd(two.0, scale, bias), multiplyAdd(two.1, scale, bias))
    Element.store(relu ? positive(row.0) : row.0, to)
    Element.store(relu ? positive(row.1) : row.1, to + lanes)
  }

  /// Six points along one side to two values.
  @inline(__always)
  private func twoOutputs(_ m: Six) -> (Vector, Vector) {
    (
      m.0 + (m.1 + m.2) + (m.3 + m.4),
      multiplyAdd(
        m.1 - m.2, Vector(repeating: a), multiplyAdd(m.3 - m.4, Vector(repeating: b), m.5))
    )
  }

  /// To 4×4 values.
  @inline(__always)
  private func transformToFour<Element: Stored>(
    _ m: Input, _ scale: Vector, _ bias: Vector, _ relu: Bool, _ to: UnsafeMutablePointer<Element>,
    _ stride: Int
  ) {
    // Rows 0 and 2 are made of the sums over ±p, rows 1 and 3 of the differences.
    @inline(__always)
    func sums(_ x: Int) -> (Vector, Vector) {
      let p = m + x * panelStep
      let sa = load(p + 6 * panelStep) + load(p + 12 * panelStep)
      let sb = load(p + 18 * panelStep) + load(p + 24 * panelStep)
      return (
        load(p) + sa + sb,
        multiplyAdd(sa, Vector(repeating: 0.5), sb * Vector(repeating: 2))
      )
    }
    let (e0, g0) = sums(0)
    let (e1, g1) = sums(1)
    let (e2, g2) = sums(2)
    let (e3, g3) = sums(3)
    let (e4, g4) = sums(4)
    let (e5, g5) = sums(5)
    outputRow((e0, e1, e2, e3, e4, e5), scale, bias, relu, to)
    outputRow((g0, g1, g2, g3, g4, g5), scale, bias, relu, to + 2 * stride)
    @inline(__always)
    func differences(_ x: Int) -> (Vector, Vector) {
      let p = m + x * panelStep
      let da = load(p + 6 * panelStep) - load(p + 12 * panelStep)
      let db = load(p + 18 * panelStep) - load(p + 24 * panelStep)
      return oddParts(da, db, load(p + 30 * panelStep))
    }
    let (f0, h0) = differences(0)
    let (f1, h1) = differences(1)
    let (f2, h2) = differences(2)
    let (f3, h3) = differences(3)
    let (f4, h4) = differences(4)
    let (f5, h5) = differences(5)
    outputRow((f0, f1, f2, f3, f4, f5), scale, bias, relu, to + stride)
    outputRow((h0, h1, h2, h3, h4, h5), scale, bias, relu, to + 3 * stride)
  }

  /// Six points along one side to four values. Transparent, as `inline(__always)` comes too late
  /// for what is generic this deep inside, and would leave a call a row.
  @_transparent
  private func outputRow<Element: Stored>(
    _ m: Six, _ scale: Vector, _ bias: Vector, _ relu: Bool, _ to: UnsafeMutablePointer<Element>
  ) {
    let sa = m.1 + m.2
    let sb = m.3 + m.4
    let (first, third) = oddParts(m.1 - m.2, m.3 - m.4, m.5)
    let second = multiplyAdd(sa, Vector(repeating: 0.5), sb * Vector(repeating: 2))
    let row = (
      multiplyAdd(m.0 + sa + sb, scale, bias), multiplyAdd(first, scale, bias),
      multiplyAdd(second, scale, bias), multiplyAdd(third, scale, bias)
    )
    Element.store(relu ? positive(row.0) : row.0, to)
    Element.store(relu ? positive(row.1) : row.1, to + lanes)
    Element.store(relu ? positive(row.2) : row.2, to + 2 * lanes)
    Element.store(relu ? positive(row.3) : row.3, to + 3 * lanes)
  }

  /// a·da + b·db and a³·da + b³·db + m5.
  @inline(__always)
  private func oddParts(_ da: Vector, _ db: Vector, _ m5: Vector) -> (Vector, Vector) {
    (
      multiplyAdd(da, Vector(repeating: a), db * Vector(repeating: b)),
      multiplyAdd(
        da, Vector(repeating: a / 2), multiplyAdd(db, Vector(repeating: b * 2), m5))
    )
  }
}
