import CifarCore
import Glibc

extension RandomSequence {
  /// A number from 0 to 1 of the distribution Beta(alpha, alpha); takes two words.
  ///
  /// With T of Student's distribution with 2·alpha degrees of freedom, (1 + T / √(2·alpha + T²)) / 2
  /// is such a number; T itself comes from Bailey's polar method,
  /// T² = 2·alpha·(U^(−1/alpha) − 1)·cos²(2πV) with the cosine's sign.
  ///
  /// Source: Devroye, "Random Variate Generation in One Line of Code", 1996, section on the symmetric
  /// beta distribution; Bailey, "Polar Generation of Random Variates with the t-Distribution", 1994.
  mutating func symmetricBeta(_ alpha: Double) -> Double {
    let radius = expm1(-log(openUniform()) / alpha)
    let cosine = cos(2 * .pi * openUniform())
    // An infinite radius, of a small alpha, makes 0 or 1 of it.
    let t = 1 / (1 + 1 / (radius * cosine * cosine)).squareRoot()
    return cosine < 0 ? (1 - t) / 2 : (1 + t) / 2
  }

  /// A number between 0 and 1, neither of them.
  private mutating func openUniform() -> Double { (Double(nextWord()) + 0.5) * 0x1p-32 }
}
