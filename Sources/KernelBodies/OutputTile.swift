/// How many outputs a Winograd tile has along one side, known when a kernel is compiled: loops and
/// branches over it vanish.
protocol OutputTile {
  static var size: Int { get }
}

/// Of filters of 3×3.
enum FourOutputs: OutputTile {
  @inline(__always)
  static var size: Int { 4 }
}

/// Of filters of 5×5.
enum TwoOutputs: OutputTile {
  @inline(__always)
  static var size: Int { 2 }
}

extension OutputTile {
  /// How far a tile of the input begins before that of the output.
  @inline(__always)
  static var padding: Int { size == 4 ? 1 : 2 }
}
