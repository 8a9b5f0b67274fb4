import CLibFuzzer
import FuzzTargets
import Glibc

/// `fuzz TARGET [libFuzzer's options and corpora]`.
@main enum Fuzz {
  nonisolated(unsafe) private static var target = FuzzTarget.pickle

  static func main() {
    let name = CommandLine.arguments.dropFirst().first
    guard let target = FuzzTarget(rawValue: name ?? "") else {
      let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
      complain("usage: fuzz TARGET [options and corpora]; TARGET is one of \(names)")
      exit(2)
    }
    Fuzz.target = target
    // libFuzzer sees the program's name and what follows the target's.
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
    arguments?[0] = CommandLine.unsafeArgv[0]
    var count = CommandLine.argc - 1
    exit(LLVMFuzzerRunDriver(&count, &arguments) { Fuzz.run($0, $1) })
  }

  private static func run(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
      try target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
      complain("\(error)")
      abort()
    }
    return 0
  }

  private static func complain(_ text: String) {
    let line = Array((text + "\n").utf8)
    write(STDERR_FILENO, line, line.count)
  }
}
