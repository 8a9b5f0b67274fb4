import FuzzTargets
import Glibc

// `fuzz TARGET [libFuzzer's options and corpora]`: libFuzzer brings `main`, and calls these.

private enum Fuzz {
  nonisolated(unsafe) static var target = FuzzTarget.pickle

  static func complain(_ text: String) {
    let line = Array((text + "\n").utf8)
    write(STDERR_FILENO, line, line.count)
  }
}

/// Takes the target's name out of the arguments.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let name = count.pointee > 1 ? arguments.pointee[1].map { String(cString: $0) } : nil
  guard let target = FuzzTarget(rawValue: name ?? "") else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    Fuzz.complain("usage: fuzz TARGET [options and corpora]; TARGET is one of \(names)")
    exit(2)
  }
  Fuzz.target = target
  arguments.pointee[1] = arguments.pointee[0]
  arguments.pointee += 1
  count.pointee -= 1
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    try Fuzz.target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  } catch {
    Fuzz.complain("\(error)")
    abort()
  }
  return 0
}
