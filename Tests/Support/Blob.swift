import Testing

/// A checkpoint that a failed comparison names and does not print: it has thousands of bytes.
public struct Blob: Equatable, CustomTestStringConvertible {
  public var bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var testDescription: String { "\(bytes.count) bytes" }
}
