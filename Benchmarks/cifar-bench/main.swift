import CifarCore
import CifarNN
import Glibc
import Kernels

// Times the library for Benchmarks/run.py: reads a measurement a line, answers a line of JSON.
// All times are milliseconds.
//
//   step BATCH REPEATS [MODEL [PRECISION]]
//                           a training step, Adam included, of the tutorial's network or another
//                           preset, in float32 or mixed_bfloat16
//   infer BATCH REPEATS     probabilities for a batch
//   layer I O SIZE BATCH REPEATS [PRECISION]
//                           the three passes of a 3×3 convolution, I to O channels, SIZE × SIZE
//   peak                    GFLOP/s of matrix products that stay in the first-level cache
//   memory                  the most memory that was ever resident, in MB

var bench = Bench(
  threads: CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? ThreadPool.defaultThreads)
while let line = readLine() {
  let words = line.split(separator: " ").map(String.init)
  let numbers = words.dropFirst().compactMap(Int.init)
  // An answer must not wait in a buffer for the next one.
  defer { fflush(nil) }
  do {
    switch (words.first, numbers.count) {
    case ("step", 2):
      let names = words.dropFirst(3)
      print(
        try bench.step(
          batch: numbers[0], repeats: numbers[1], model: names.first ?? "tutorial",
          precision: names.dropFirst().first.flatMap(Precision.init) ?? .float32))
    case ("infer", 2): print(try bench.infer(batch: numbers[0], repeats: numbers[1]))
    case ("layer", 5):
      print(
        try bench.layer(
          input: numbers[0], output: numbers[1], size: numbers[2], batch: numbers[3],
          repeats: numbers[4],
          precision: words.last.flatMap(Precision.init) ?? .float32))
    case ("peak", 0): print(try bench.peak())
    case ("memory", 0): print(Bench.residentPeak())
    default: print("\"unknown measurement: \(line)\"")
    }
  } catch {
    print("\"\(error)\"")
  }
}
