/// Formats that people have where another was meant: an archive that was not unpacked, the page of a
/// download that went wrong.
///
/// The signatures are those of `file(1)`.
public enum ForeignFormat {
  /// How many bytes of a file's beginning decide.
  public static let length = 512

  /// What a file is and what to do about it, to follow its name: `is a gzip file: unpack it
  /// first`; nil where nothing is recognised.
  ///
  /// - Parameter start: the first `length` bytes, or all there are.
  public static func described(_ start: some Collection<UInt8>) -> String? {
    let start = Array(start.prefix(length))
    for (signature, offset, name) in signatures
    where start.dropFirst(offset).starts(with: signature) {
      return "is a \(name): unpack it first"
    }
    let text = String(decoding: start, as: UTF8.self)
      .drop { $0.isWhitespace || $0 == "\u{feff}" }
    let word = text.prefix(16).lowercased()
    if ["<!doctype html", "<html", "<head", "<?xml", "<!--"].contains(where: word.hasPrefix) {
      return "is an HTML or XML page: download the file itself"
    }
    if text.hasPrefix("version https://git-lfs.github.com/") {
      return "is a Git LFS pointer: get the file itself with `git lfs pull`"
    }
    return nil
  }

  /// How a zip file begins.
  public static let zip: [UInt8] = [0x50, 0x4b, 3, 4]

  private static let signatures: [(bytes: [UInt8], offset: Int, name: String)] = [
    ([0x1f, 0x8b], 0, "gzip file"), (Array("BZh".utf8), 0, "bzip2 file"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], 0, "xz file"), ([0x28, 0xb5, 0x2f, 0xfd], 0, "zstd file"),
    (zip, 0, "zip file"), ([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], 0, "7-Zip file"),
    (Array("ustar".utf8), 257, "tar archive"),
  ]
}
