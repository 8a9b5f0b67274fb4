/// What the kernels are tried on besides the usual: images so small that little or nothing of a
/// filter, a pool or a tile falls on them.
enum SmallImages {
  static let sizes =
    (1...3).flatMap { height in (1...3).map { (height, $0) } } + [(4, 4), (5, 2), (1, 9), (7, 6)]

  /// Zeros before and after an image: none, as many on both sides as keep its size, and the uneven
  /// ones of SAME_UPPER; each less than the filter, which is what a convolution has to have.
  static func frames(_ kernel: Int) -> [(before: Int, after: Int)] {
    [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (kernel - 1, kernel - 1), (kernel - 1, 0)].filter {
      $0.0 < kernel && $0.1 < kernel
    }
  }
}
