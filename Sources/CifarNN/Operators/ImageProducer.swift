import CifarCore
import Kernels

/// Where a convolution finds its images: in memory, or with a stage that computes them some at a
/// time, just before they are read and while they are in the caches.
///
/// `Values` are such a producer themselves: images that are there already.
protocol ImageProducer {
  /// What of the memory `images` will touch, in up to three regions.
  ///
  /// - Parameter layout: of the images themselves.
  func prefetchRanges(_ images: Range<Int>, groups: Range<Int>, layout: ImageLayout)
    -> PrefetchRanges

  /// Some images of the batch, (N, C/lanes, H, W, lanes).
  ///
  /// - Parameters:
  ///   - groups: those that will be read; others may be missing.
  ///   - worker: what is computed for a worker stays until it asks again.
  /// - Returns: where the batch would begin, image n lying n images further on.
  func images(_ images: Range<Int>, groups: Range<Int>, worker: Int) -> Values

  /// The first `count` images at once, by all threads; nil if there is no memory for that many.
  func batch(_ count: Int) -> Values?
}

extension Values: ImageProducer {
  func prefetchRanges(_ images: Range<Int>, groups: Range<Int>, layout: ImageLayout)
    -> PrefetchRanges
  {
    PrefetchRanges(layout.region(images, groups: groups, of: self))
  }

  func images(_ images: Range<Int>, groups: Range<Int>, worker: Int) -> Values { self }

  func batch(_ count: Int) -> Values? { self }
}

/// How blocked images lie in memory: (N, groups, plane).
struct ImageLayout {
  let groups: Int
  /// Numbers of a plane, (H, W, lanes).
  let plane: Int

  /// Some groups of some images of a batch.
  func region(_ images: Range<Int>, groups wanted: Range<Int>, of batch: Values) -> Region {
    Region(
      batch + (images.lowerBound * groups + wanted.lowerBound) * plane,
      count: wanted.count * plane, stride: groups * plane, runs: images.count)
  }
}

/// Reads images of a batch as soon as a convolution has written them, in the same worker.
protocol ImageConsumer {
  func consume(_ images: Range<Int>, worker: Int)

  /// The first `count` images at once, by all threads.
  func consume(batch count: Int, _ pool: ThreadPool)

  /// What of the memory `consume` will read besides the images.
  func prefetchRanges(_ images: Range<Int>) -> Region?
}

extension ImageConsumer {
  func consume(batch count: Int, _ pool: ThreadPool) {
    pool.forEach(count) { image, worker in consume(image..<(image + 1), worker: worker) }
  }
}

/// Consumers one after the other.
final class ImageConsumers: ImageConsumer {
  private let consumers: [any ImageConsumer]

  init(_ consumers: [any ImageConsumer]) { self.consumers = consumers }

  func consume(_ images: Range<Int>, worker: Int) {
    for consumer in consumers { consumer.consume(images, worker: worker) }
  }

  /// What the first of them will read.
  func prefetchRanges(_ images: Range<Int>) -> Region? { consumers.first?.prefetchRanges(images) }
}
