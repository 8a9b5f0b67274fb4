/// Images between the plain layout, (N, C, H, W), and the blocked one, (N, C/lanes, H, W, lanes),
/// by the definition of the latter.
public enum BlockedLayout {
  public static func groups(_ channels: Int, lanes: Int) -> Int { (channels + lanes - 1) / lanes }

  /// - Parameter padding: what stands in the lanes that no channel fills.
  public static func block(
    _ plain: [Float], images: Int, channels: Int, pixels: Int, lanes: Int, padding: Float = 0
  ) -> [Float] {
    let groups = groups(channels, lanes: lanes)
    var blocked = [Float](repeating: padding, count: images * groups * pixels * lanes)
    for image in 0..<images {
      for channel in 0..<channels {
        for pixel in 0..<pixels {
          let group = image * groups + channel / lanes
          blocked[(group * pixels + pixel) * lanes + channel % lanes] =
            plain[(image * channels + channel) * pixels + pixel]
        }
      }
    }
    return blocked
  }

  public static func unblock(
    _ blocked: [Float], images: Int, channels: Int, pixels: Int, lanes: Int
  ) -> [Float] {
    let groups = groups(channels, lanes: lanes)
    var plain = [Float](repeating: 0, count: images * channels * pixels)
    for image in 0..<images {
      for channel in 0..<channels {
        for pixel in 0..<pixels {
          let group = image * groups + channel / lanes
          plain[(image * channels + channel) * pixels + pixel] =
            blocked[(group * pixels + pixel) * lanes + channel % lanes]
        }
      }
    }
    return plain
  }
}
