import Kernels

// What is different where factors have 16 bits: see `Int16Products`.

extension WinogradConvolution {
  /// (panels of output, 36, inputs / 2, panel, 2) as int16, then their scales, (panels, 36, panel).
  func transformInt16Filters(
    _ weights: UnsafePointer<Float>, rotated: Bool, to filters: UnsafeMutablePointer<Float>
  ) {
    let panels = rotated ? blocking.inputPanels : blocking.outputPanels
    let groups = rotated ? blocking.outputGroups : blocking.inputGroups
    let vectors = context.kernels.panelLanes / context.kernels.lanes
    let scales = filters + blocking.scalesPlace(0, panels: panels, groups: groups, context)
    context.pool.forEach(panels * vectors) { index, worker in
      if blocking.readsBytes {
        return context.kernels.winogradFiltersInt8(
          shape, weights, to: filters.int16, scales: scales, panel: index / vectors,
          vector: index % vectors, scratch: context.scratch.pointer(worker: worker))
      }
      context.kernels.winogradFiltersInt16(
        shape, weights, to: filters.int16, scales: scales, rotated: rotated,
        panel: index / vectors, vector: index % vectors,
        scratch: context.scratch.pointer(worker: worker))
    }
    if blocking.readsBytes {
      context.kernels.scale(
        scales, count: panels * Winograd.points * context.kernels.panelLanes, factor: factor)
    }
  }

  /// Sets the scales of some images.
  func measure(_ images: Values, _ range: Range<Int>, groups: Int, _ scales: ImageScales) {
    let size = groups * shape.height * shape.width * context.kernels.lanes
    for image in range {
      scales.set(
        image, largest: context.kernels.largestMagnitude(images + image * size, count: size),
        limit: Int16Products.dataLimit)
    }
  }
}

extension WinogradBlocking {
  /// Where the scales of a panel of filters begin, in floats.
  func scalesPlace(_ panel: Int, panels: Int, groups: Int, _ context: OperatorContext) -> Int {
    let point = context.kernels.panelLanes
    return Winograd.points * point * (panels * groups * context.kernels.lanes / 2 + panel)
  }
}

extension UnsafePointer<Float> {
  /// The same memory as numbers of 16 bits.
  var int16: UnsafePointer<Int16> {
    UnsafeRawPointer(self).assumingMemoryBound(to: Int16.self)
  }
}

extension UnsafeMutablePointer<Float> {
  var int16: UnsafeMutablePointer<Int16> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Int16.self)
  }
}
