import CifarCore

/// Filters that make the patches of images uncorrelated.
///
/// With the eigenvectors e and eigenvalues λ of the second moments E[p·pᵀ] of all patches p, the
/// filters are e/√(λ + ε) from the largest λ to the smallest, and then their negatives.
/// Source: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.2.
struct Whitening {
  /// Images that are looked at: the first ones.
  static let mostImages = 5000
  static let epsilon = 5e-4

  private let channels: Int
  private let height: Int
  private let width: Int
  private let kernel: Int
  private var patches = 0.0
  /// Σ p·pᵀ, (numbers of a patch)², on and above the diagonal.
  private var sums: [Double]

  init(channels: Int, height: Int, width: Int, kernel: Int) {
    self.channels = channels
    self.height = height
    self.width = width
    self.kernel = kernel
    let size = channels * kernel * kernel
    sums = [Double](repeating: 0, count: size * size)
  }

  /// Takes up the patches of one image, (channels, height, width), normalised.
  mutating func add(_ image: UnsafePointer<Float>) {
    let taps = kernel * kernel
    let size = channels * taps
    let (rows, columns) = (height - kernel + 1, width - kernel + 1)
    patches += Double(rows * columns)
    func place(_ number: Int) -> Int {
      number / taps * height * width + number % taps / kernel * width + number % kernel
    }
    for first in 0..<size {
      for second in first..<size {
        let (a, b) = (image + place(first), image + place(second))
        var sum = 0.0
        for y in 0..<rows {
          // Rounded once a row: a chain of a row's products is exact enough, and four run at once.
          var (s0, s1, s2, s3): (Float, Float, Float, Float) = (0, 0, 0, 0)
          var x = y * width
          let end = x + columns
          while x + 4 <= end {
            s0 += a[x] * b[x]
            s1 += a[x + 1] * b[x + 1]
            s2 += a[x + 2] * b[x + 2]
            s3 += a[x + 3] * b[x + 3]
            x += 4
          }
          while x < end {
            s0 += a[x] * b[x]
            x += 1
          }
          sum += Double((s0 + s1) + (s2 + s3))
        }
        sums[first * size + second] += sum
      }
    }
  }

  /// (2·channels·kernel², channels, kernel, kernel)
  func filters() -> [Float] {
    let size = channels * kernel * kernel
    let eigen = SymmetricEigen(sums.map { $0 / max(1, patches) }, size: size)
    let half = zip(eigen.values, eigen.vectors).flatMap { value, vector in
      vector.map { Float($0 / (max(0, value) + Whitening.epsilon).squareRoot()) }
    }
    return half + half.map { -$0 }
  }
}

extension Network {
  /// Gives a first convolution with the initializer `whitening` its filters.
  ///
  /// - Parameters:
  ///   - images: how many there are; the first 5,000 are looked at.
  ///   - read: writes one of them, normalised, (channels, height, width).
  /// - Throws: `outOfMemory`.
  public func whiten(
    images: Int, read: (_ image: Int, _ target: UnsafeMutablePointer<Float>) -> Void
  ) throws {
    guard case .conv2d(_, let kernel, _, _, _, .whitening, _, _)? = spec.layers.first else {
      return
    }
    let input = spec.input
    var whitening = Whitening(
      channels: input[0], height: input[1], width: input[2], kernel: kernel)
    let image = try AlignedBuffer<Float>(count: input.reduce(1, *))
    for index in 0..<min(images, Whitening.mostImages) {
      read(index, image.pointer)
      whitening.add(image.pointer)
    }
    let filters = whitening.filters()
    (try pointer("0.weight")).update(from: filters, count: filters.count)
    weightsChanged()
  }
}
