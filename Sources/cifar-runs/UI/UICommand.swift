import CifarCore
import CifarRegistry
import CommandSupport
import Glibc

/// `cifar-runs ui`: a page on this machine, to watch runs on.
enum UICommand {
  private static let standardPort = 8321

  static var command: Command {
    Command(
      "ui", summary: "shows the runs in a browser, live, at http://127.0.0.1:\(standardPort)",
      options: [
        Option(
          "--port", value: "N",
          help: "where it listens (else \(standardPort)); 0 for any that is free"),
        .registry,
      ],
      discussion: """
        Runs in a table with filter, columns and order; the curves of those that are switched on,
        smoothed or on a logarithmic axis; groups as mean and band; a page of each run; comparisons;
        the parallel coordinates of a sweep. It follows runs while they train, and changes nothing.

        It answers this machine only, loads nothing from anywhere, and ends with Ctrl-C. From another
        machine: ssh -L \(standardPort):127.0.0.1:\(standardPort) HOST. It needs libmicrohttpd
        (Debian: libmicrohttpd12).
        """,
      examples: ["cifar-runs ui", "cifar-runs ui --port 0 --registry ~/experiments.db"], run: run)
  }

  private static func run(_ arguments: Arguments) throws {
    let port = try arguments.integer("--port", in: 0...65_535) ?? standardPort
    let registry = try arguments.openRegistry()
    // A later change of the working directory does not matter, a link that is turned does.
    let routes = UIRoutes(path: registry.path)
    Output.outlivesItsReader()
    Interruption.handle()
    // Written to by the signal's handler, which may do little else.
    var wake: [Int32] = [-1, -1]
    guard pipe(&wake) == 0 else {
      throw CifarError(.io, "no pipe can be made: \(String(cString: strerror(errno)))")
    }
    let (reader, writer) = (wake[0], wake[1])
    defer {
      close(reader)
      close(writer)
    }
    let server = try HTTPServer(port: UInt16(port), answer: routes.answer)
    defer { server.stop() }
    Output.line("http://127.0.0.1:\(server.port) shows \(registry.path); Ctrl-C ends it")
    Interruption.onSignal {
      var byte: UInt8 = 0
      _ = write(writer, &byte, 1)
    }
    defer { Interruption.onSignal(nil) }
    var ready = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
    while true {
      try Interruption.check()
      if poll(&ready, 1, -1) < 0, errno != EINTR {
        throw CifarError(.io, "waiting failed: \(String(cString: strerror(errno)))")
      }
    }
  }
}
