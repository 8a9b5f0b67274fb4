import CifarCore
import CifarNN

/// Slow weights that training goes on from every few steps: see `Lookahead`.
public struct LookaheadSpec: DescribedOptions {
  public var steps = 5
  public var decay = 0.95
  public var power = 3.0

  public static let options: [OptionDescription<Self>] = [
    .whole("steps", \.steps, 1...1000, "optimizer steps between two of the slow weights"),
    .number(
      "decay", \.decay, .from(0, to: 1),
      "what the slow weights keep of themselves in the end, an optimizer step"),
    .number(
      "power", \.power, .atLeast(0),
      "how they come to that: decay^steps · (step / all steps)^power; 0 from the beginning on"),
  ]

  public init() {}

  func make(network: Network, pool: ThreadPool) throws -> Lookahead {
    try Lookahead(
      network: network, options: LookaheadOptions(steps: steps, decay: decay, power: power),
      pool: pool)
  }
}
