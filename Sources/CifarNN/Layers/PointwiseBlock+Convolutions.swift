import Kernels

// How a block works hand in hand with the convolutions around it, on the images that they are at.

extension PointwiseBlock {
  /// To be called by a convolution that will call `gatherStatistics` with whatever it has written,
  /// and will ask `gradients` for all that it reads.
  func takeFeed() { isFed = true }

  /// Makes room for so many images a worker, where they are not kept.
  func reserveRoom(images: Int) {
    guard !keepsImages else { return }
    roomImages = max(roomImages, images)
    context.scratch.reserve(worker: roomImages * output.stride, for: .images)
  }

  /// Has the gradients made anew wherever they are asked for, with room for so many images a
  /// worker.
  func reserveGradientRoom(images: Int) {
    gradientRoomImages = images
    context.scratch.reserve(worker: images * input.stride, for: .gradients)
  }

  private func planes(_ images: Range<Int>) -> Range<Int> {
    (images.lowerBound * groups)..<(images.upperBound * groups)
  }
}

// MARK: - Forward

extension PointwiseBlock: ImageSource {
  func upcoming(
    _ images: Range<Int>, groups wanted: Range<Int>, layout: ImageLayout
  ) -> Upcoming {
    Upcoming(
      inputLayout.region(images, groups: wanted, of: input.stored),
      keepsImages ? layout.region(images, groups: wanted, of: output.stored) : nil,
      chosen.map { layout.region(images, groups: wanted, of: Values($0.pointer)) })
  }

  func images(_ images: Range<Int>, groups wanted: Range<Int>, worker: Int) -> Values {
    let size = outputPixels * context.kernels.lanes
    let batch = keepsImages ? output.stored : room(worker, from: images.lowerBound)
    for image in images {
      for group in wanted {
        let plane = image * groups + group
        make(plane, at: batch + plane * size, worker)
      }
    }
    return batch
  }

  func batch(_ count: Int) -> Values? {
    guard keepsImages || count <= roomImages else { return nil }
    let batch = keepsImages ? output.stored : room(0, from: 0)
    makeAll(count, at: batch)
    return batch
  }

  /// Where the batch would begin, if image `first` begins where a worker has room.
  private func room(_ worker: Int, from first: Int) -> Values {
    Values(context.scratch.pointer(worker: worker, for: .images) - first * output.stride)
  }
}

extension PointwiseBlock {
  /// Sums over its input, for the convolution before it.
  var statistics: any ImageVisitor { Statistics(block: self) }

  private struct Statistics: ImageVisitor {
    let block: PointwiseBlock

    func visit(_ images: Range<Int>) {
      for plane in block.planes(images) { block.gatherStatistics(plane: plane) }
    }

    func upcoming(_ images: Range<Int>) -> Region? { nil }
  }
}

// MARK: - Backward

extension PointwiseBlock {
  /// Whether the gradients of its input stay where they are made.
  var keepsGradients: Bool { gradientRoomImages == 0 }

  /// The gradients of its input, for the convolution before it.
  var gradients: any ImageSource { Gradients(block: self) }

  private struct Gradients: ImageSource {
    let block: PointwiseBlock

    /// Where the batch would begin, if image `first` begins where a worker has room.
    private func place(_ worker: Int, from first: Int) -> UnsafeMutablePointer<Float>? {
      if block.keepsGradients { return block.input.gradient }
      return block.context.scratch.pointer(worker: worker, for: .gradients)
        - first * block.input.stride
    }

    func upcoming(
      _ images: Range<Int>, groups: Range<Int>, layout: ImageLayout
    ) -> Upcoming {
      let gradient = block.output.gradient.map { Values($0) }
      let written = block.keepsGradients ? block.input.gradient.map { Values($0) } : nil
      return Upcoming(
        layout.region(images, groups: groups, of: block.input.stored),
        gradient.map { block.outputLayout.region(images, groups: groups, of: $0) },
        written.map { layout.region(images, groups: groups, of: $0) })
    }

    func images(_ images: Range<Int>, groups: Range<Int>, worker: Int) -> Values {
      let batch = place(worker, from: images.lowerBound).unsafelyUnwrapped
      for image in images {
        for group in groups {
          let plane = image * block.groups + group
          block.makeGradient(plane, at: batch + plane * layout.plane)
        }
      }
      return Values(batch)
    }

    private var layout: ImageLayout { block.inputLayout }

    func batch(_ count: Int) -> Values? {
      guard block.keepsGradients || count <= block.gradientRoomImages,
        let batch = place(0, from: 0)
      else { return nil }
      block.makeGradients(count, at: batch)
      return Values(batch)
    }
  }

  /// Sums over the gradient of its output, for the convolution behind it.
  var gradientSums: any ImageVisitor { GradientSums(block: self) }

  private struct GradientSums: ImageVisitor {
    let block: PointwiseBlock

    func visit(_ images: Range<Int>) {
      for plane in block.planes(images) { block.gatherGradient(plane: plane) }
    }

    func upcoming(_ images: Range<Int>) -> Region? {
      if let chosen = block.chosen {
        return block.outputLayout.region(
          images, groups: 0..<block.groups, of: Values(chosen.pointer))
      }
      return block.inputLayout.region(images, groups: 0..<block.groups, of: block.input.stored)
    }
  }
}
