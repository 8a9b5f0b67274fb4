import CifarCore
import CifarNN

/// How a training step is shared out among many threads, from the times that one thread took for each
/// part of it. Memory that they would all wait for is not in the model.
struct Scaling {
  /// Seconds from the end of a job's last chunk to the beginning of the next job, with several threads:
  /// a cache line goes to each of them and comes back.
  private static let dispatch = 3e-6

  let batch: Int
  let repeats: Int
  let precision: Precision
  let model: String
  let shape: ImageShape

  func answer() throws -> JSONValue {
    let single = try trace(threads: 1).time(threads: 1)
    return .array(
      try [1, 2, 4, 8, 16, 32, 64].map { threads in
        let trace = try trace(threads: threads)
        let time = trace.time(threads: threads, dispatch: Scaling.dispatch)
        return .object([
          "threads": .number(Double(threads)), "milliseconds": .number(time * 1e3),
          "speedup": .number(single / time),
          "serial": .number(trace.jobs.reduce(0) { $0 + $1.serial } * 1e3),
          "jobs": .array(trace.jobs.map { job($0, threads) }),
        ])
      })
  }

  private func job(_ job: JobTrace.Job, _ threads: Int) -> JSONValue {
    .object([
      "name": .string(job.name), "chunks": .number(Double(job.chunks.count)),
      "serial": .number(job.serial * 1e3), "total": .number(job.total * 1e3),
      "longest": .number((job.chunks.max() ?? 0) * 1e3),
      "milliseconds": .number(job.time(threads: threads) * 1e3),
    ])
  }

  /// The shortest time that each part took in several steps.
  private func trace(threads: Int) throws -> JobTrace {
    let trace = JobTrace()
    let step = try TrainingStep(
      batch: batch, precision: precision, model: model, shape: shape,
      pool: ThreadPool(pretending: threads, to: trace))
    step.run()
    var best: [JobTrace.Job] = []
    for _ in 0..<max(1, repeats) {
      trace.restart()
      step.run()
      best =
        best.isEmpty
        ? trace.jobs
        : zip(best, trace.jobs).map { a, b in
          JobTrace.Job(
            name: a.name, serial: min(a.serial, b.serial),
            chunks: zip(a.chunks, b.chunks).map(min))
        }
    }
    trace.jobs = best
    return trace
  }
}
