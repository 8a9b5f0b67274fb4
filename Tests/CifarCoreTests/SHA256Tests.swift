import Testing

@testable import CifarCore

@Suite struct SHA256Tests {
  /// The examples of FIPS 180-2, appendix B, and the empty message.
  static let known = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ]

  @Test(arguments: known)
  func knownAnswers(message: String, hash: String) {
    #expect(SHA256.hexadecimal(of: Array(message.utf8)) == hash)
  }

  @Test func aHundredThousandBytes() {
    // A tenth of the appendix's million; the hash is sha256sum's.
    #expect(
      SHA256.hexadecimal(of: [UInt8](repeating: UInt8(ascii: "a"), count: 100_000))
        == "6d1cf22d7cc09b085dfc25ee1a1f3ae0265804c607bc2074ad253bcc82fd81ee")
  }

  /// Lengths around the edges of a block, and every way to cut them in two.
  @Test(arguments: [1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 150])
  func piecesMakeTheWhole(count: Int) {
    let bytes = (0..<count).map { UInt8($0) }
    let whole = SHA256.hexadecimal(of: bytes)
    for cut in 0...count {
      var hash = SHA256()
      bytes[..<cut].withUnsafeBytes { hash.update($0) }
      bytes[cut...].withUnsafeBytes { hash.update($0) }
      #expect(hash.hexadecimal() == whole)
    }
    var hash = SHA256()
    for byte in bytes { withUnsafeBytes(of: byte) { hash.update($0) } }
    #expect(hash.hexadecimal() == whole)
  }
}
