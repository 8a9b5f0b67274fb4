import CifarCore

/// A checkpoint to be stored.
public struct NewCheckpoint: Sendable {
  /// Completed epochs.
  public var epoch: Int
  /// Batches done in the epoch under way; 0 between epochs.
  public var batch: Int
  /// Optimizer steps since the run began.
  public var step: Int
  /// A safetensors file; the registry takes the bytes as they are.
  public let data: [UInt8]
  /// Whether it is better than every checkpoint before it.
  public var isBest: Bool
  /// When it was taken, which may be long before it is stored.
  public var created = Timestamp.now
  /// Of `data`; nil until it is computed.
  private(set) var sha256: String?

  mutating func hash() {
    if sha256 == nil { sha256 = SHA256.hexadecimal(of: data) }
  }

  public init(epoch: Int, batch: Int = 0, step: Int, data: [UInt8], isBest: Bool = false) {
    self.epoch = epoch
    self.batch = batch
    self.step = step
    self.data = data
    self.isBest = isBest
  }
}
