import CheckpointFormat
import CifarCore
import CifarNN

/// What Benchmarks/peers/prepare.py wrote: a trained network, images, and what the network says of them.
struct TestImages {
  let network: Network
  private let directory: String
  /// (count, 3, 32, 32), normalised.
  let images: AlignedBuffer<Float>
  /// (count)
  let labels: AlignedBuffer<Int32>
  /// The probabilities of the first images in double precision, (some, 10).
  let reference: AlignedBuffer<Double>

  /// - Throws: `notFound`, `io`, `badData`.
  init(directory: String) throws {
    self.directory = directory
    network = try Network(spec: .preset("tutorial", dialect: .pytorch), dialect: .pytorch, seed: 0)
    try network.load(
      SafeTensors.decode(CheckpointContainer.read("\(directory)/model.safetensors")).tensors)
    images = try TestImages.numbers("\(directory)/images.f32")
    labels = try TestImages.numbers("\(directory)/labels.i32")
    reference = try TestImages.numbers("\(directory)/reference.f64")
  }

  /// The network, quantized with the images that the other programs are quantized with.
  func quantized(_ pool: ThreadPool) throws -> Network {
    let images: AlignedBuffer<Float> = try TestImages.numbers("\(directory)/calibration.f32")
    let result = try Quantizer.quantize(
      network, images: images.pointer, count: images.count / (3 * 32 * 32), pool: pool)
    let quantized = try Network(spec: result.spec, dialect: network.dialect, seed: 0)
    try quantized.load(result.tensors)
    return quantized
  }

  /// The accuracy of probabilities (count, 10), and the relative root mean square of their error.
  func quality(of probabilities: UnsafeBufferPointer<Float>) -> (accuracy: Double, error: Double) {
    var right = 0
    for image in 0..<labels.count {
      let row = probabilities[image * 10..<image * 10 + 10]
      let best = row.indices.max { row[$0] < row[$1] } ?? row.startIndex
      if best - row.startIndex == Int(labels[image]) { right += 1 }
    }
    var (difference, size) = (0.0, 0.0)
    for index in 0..<reference.count {
      let error = Double(probabilities[index]) - reference[index]
      difference += error * error
      size += reference[index] * reference[index]
    }
    return (Double(right) / Double(labels.count), (difference / size).squareRoot())
  }

  /// A file of nothing but numbers, in this machine's byte order.
  private static func numbers<Number: BitwiseCopyable>(
    _ path: String
  ) throws -> AlignedBuffer<Number> {
    let bytes = try File.contents(of: path)
    let buffer = try AlignedBuffer<Number>(count: bytes.count / MemoryLayout<Number>.stride)
    UnsafeMutableRawBufferPointer(buffer.span).copyBytes(
      from: bytes.prefix(buffer.count * MemoryLayout<Number>.stride))
    return buffer
  }
}
