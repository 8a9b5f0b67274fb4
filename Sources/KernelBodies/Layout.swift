import KernelABI

extension KernelSet {
  public func block(_ planar: Input, channels: Int, pixels: Int, to blocked: Output) {
    for group in 0..<blocks(channels, of: lanes) {
      let from = planar + group * lanes * pixels
      let to = blocked + group * lanes * pixels
      let count = min(lanes, channels - group * lanes)
      for pixel in 0..<pixels {
        for lane in 0..<count { to[pixel * lanes + lane] = from[lane * pixels + pixel] }
        for lane in count..<lanes { to[pixel * lanes + lane] = 0 }
      }
    }
  }

  public func gatherColumns(
    _ source: Input, stride: Int, rows: Int, columns: Int, to plane: Output
  ) {
    for row in 0..<rows {
      let (from, to) = (source + row * stride, plane + row * lanes)
      guard columns < lanes else {
        store(loadUnaligned(from), to)
        continue
      }
      store(.zero, to)
      for column in 0..<columns { to[column] = from[column] }
    }
  }

  public func scatterColumns(
    _ plane: Input, to target: Output, stride: Int, rows: Int, columns: Int
  ) {
    for row in 0..<rows {
      let (from, to) = (plane + row * lanes, target + row * stride)
      guard columns < lanes else {
        storeUnaligned(load(from), to)
        continue
      }
      for column in 0..<columns { to[column] = from[column] }
    }
  }

  public func unblock(_ blocked: Input, channels: Int, pixels: Int, to planar: Output) {
    for channel in 0..<channels {
      let from = blocked + channel / lanes * lanes * pixels + channel % lanes
      let to = planar + channel * pixels
      for pixel in 0..<pixels { to[pixel] = from[pixel * lanes] }
    }
  }
}
