extension MemoryPlan {
  /// The operations before a convolution whose way back it does, on the images whose gradient it has just
  /// written: the fork that it is behind, and the sum or the stage that its input comes from.
  func backwardEpilogue(ofOperation index: Int) -> Range<Int> {
    guard case .convolution(let group, _, let input, _, _) = operations[index],
      group.prologue == nil, let gradient = values[input].gradient
    else { return index..<index }
    var first = index
    if first > 0, case .fork(input, _) = operations[first - 1] { first -= 1 }
    guard first > 0 else { return first..<index }
    switch operations[first - 1] {
    case .pointwiseOutput(_, input): first -= 1
    // A branch that it would copy the gradient to may lie where the convolution still reads.
    case .sum(_, let layers, let shortcut, input)
    where values[layers].gradient == gradient && values[shortcut].gradient == gradient:
      first -= 1
    default: break
    }
    return first..<index
  }
}
