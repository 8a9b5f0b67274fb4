import CifarCore

extension Dataset {
  /// Takes a share of the images of each class away, drawn at random, for choosing on them.
  ///
  /// Of a class with n images share·n go, rounded; both parts keep the order of the images.
  ///
  /// - Parameters:
  ///   - share: above 0 and below 1.
  ///   - seed: with the class all that the choice depends on.
  /// - Throws: `invalidArgument` where a part would be empty, or a class have no image left in the rest;
  ///   `outOfMemory`.
  public func stratifiedSplit(
    share: Double, seed: UInt64
  ) throws -> (rest: Dataset, taken: Dataset) {
    var places = [[Int]](repeating: [], count: classNames.count)
    for image in 0..<count { places[Int(labels[image])].append(image) }
    var isTaken = [Bool](repeating: false, count: count)
    for (number, var images) in places.enumerated() {
      var random = RandomSequence(seed: seed, purpose: .validationSplit, minor: UInt32(number))
      let wanted = Int((share * Double(images.count)).rounded())
      for drawn in 0..<min(wanted, images.count) {
        images.swapAt(drawn, drawn + random.below(images.count - drawn))
        isTaken[images[drawn]] = true
      }
    }
    let lost = places.indices.first { number in
      !places[number].isEmpty && places[number].allSatisfy { isTaken[$0] }
    }
    if let lost, isTaken.contains(false) {
      let images = places[lost].count
      throw CifarError(
        .invalidArgument,
        "validation_split \(share) leaves no image of the class '\(classNames[lost].excerpt)' to train "
          + "on, which has \(images): take a smaller share, or more images")
    }
    let all = Array(0..<count)
    let (taken, rest) = (all.filter { isTaken[$0] }, all.filter { !isTaken[$0] })
    guard !taken.isEmpty, !rest.isEmpty else {
      throw CifarError(
        .invalidArgument,
        "validation_split \(share) of \(count) images leaves none to "
          + (taken.isEmpty ? "validate on" : "train on"))
    }
    return (try part(rest), try part(taken))
  }

  private func part(_ chosen: [Int]) throws -> Dataset {
    let size = shape.count
    let images = try AlignedBuffer<UInt8>(
      count: chosen.count * size, for: "the images of the data set")
    let labels = try AlignedBuffer<Int32>(
      count: chosen.count, for: "the labels of the data set")
    let weights = try sampleWeights.map { _ in
      try AlignedBuffer<Float>(count: chosen.count, for: "the weights of the images")
    }
    for (place, image) in chosen.enumerated() {
      (images.pointer + place * size).update(
        from: self.images.pointer + image * size, count: size)
      labels[place] = self.labels[image]
      if let sampleWeights { weights?[place] = sampleWeights[image] }
    }
    return Dataset(
      name: name, split: split, classNames: classNames, location: location, shape: shape,
      images: images, labels: labels, sampleWeights: weights)
  }
}
