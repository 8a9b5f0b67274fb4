import CifarCore
import FoundationEssentials
import Glibc

// Times the library for Benchmarks/run.py. Started with the number of threads and the directory that
// Benchmarks/peers/prepare.py filled, it reads a measurement a line and answers a line of JSON; instead of
// an answer there may be {"error": "…"}. All times are milliseconds. MODE is a precision.
//
//   describe                what it is, and the modes of `step` and `infer` with their precisions
//   step BATCH REPEATS MODE MODEL CHANNELS SIDE
//                           a training step of a preset for images of SIDE × SIDE pixels, the
//                           optimizer included: Adam, of airbench's the SGD of their recipe
//   infer BATCH REPEATS MODE
//                           probabilities for the first test images
//   quality MODE            accuracy on the test images, and the error of the probabilities
//   layer I O SIZE KERNEL BATCH REPEATS MODE
//                           forward, backward to the data and to the weights of a convolution,
//                           I to O channels, SIZE × SIZE pixels
//   scale BATCH REPEATS MODE MODEL CHANNELS SIDE
//                           how a training step is shared out among 1 to 64 threads, by the times
//                           that one took for each chunk: for each number of threads the model's
//                           speed-up, all serial parts, and every job with its chunks
//   peak                    GFLOP/s of matrix products that stay in the first-level cache
//   memory                  the most memory that was ever resident, in MB

let arguments = CommandLine.arguments.dropFirst()
var bench = Bench(
  threads: arguments.first.flatMap { Int($0) } ?? ThreadPool.defaultThreads,
  directory: arguments.dropFirst().first ?? ".")
let encoder = JSONEncoder()
while let line = readLine() {
  var answer: JSONValue
  do {
    answer = try bench.answer(line.split(separator: " ").map(String.init))
  } catch {
    answer = .object(["error": .string("\(error)")])
  }
  // NaN and infinity are no JSON.
  let text =
    (try? encoder.encode(answer)) ?? Data(#"{"error": "a result is not finite"}"#.utf8)
  print(String(decoding: text, as: UTF8.self))
  // An answer must not wait in a buffer for the next one.
  fflush(nil)
}
