import CMicroHTTP
import CifarCore
import Glibc

/// Answers requests on this machine's loopback address, by libmicrohttpd.
final class HTTPServer {
  /// More than browsers on this machine need.
  private static let limits = microhttp_limits(
    connections: 64, timeout_seconds: 5, target: 8 * 1024, headers: 16 * 1024)

  let port: UInt16
  private let handler: Handler
  private let server: OpaquePointer

  private final class Handler {
    let access: PageAccess
    let answer: (HTTPTarget) -> HTTPResponse
    init(_ access: PageAccess, _ answer: @escaping (HTTPTarget) -> HTTPResponse) {
      (self.access, self.answer) = (access, answer)
    }
  }

  /// - Parameters:
  ///   - port: 0 for any that is free.
  ///   - answer: called on the server's thread, one request at a time.
  /// - Throws: `io` where the port is taken, `unsupported` without libmicrohttpd.
  init(port: UInt16, answer: @escaping (HTTPTarget) -> HTTPResponse) throws {
    let socket = try LoopbackSocket(port: port)
    self.port = socket.port
    handler = Handler(PageAccess(port: socket.port), answer)
    var reason: UnsafePointer<CChar>?
    let started = microhttp_start(
      socket.descriptor, HTTPServer.limits,
      { context, request, connection in
        guard let context, let request, let connection else { return }
        let handler = Unmanaged<Handler>.fromOpaque(context).takeUnretainedValue()
        HTTPServer.respond(to: request.pointee, handler).send(on: connection)
      }, Unmanaged.passUnretained(handler).toOpaque(), &reason)
    guard let started else {
      close(socket.descriptor)
      throw CifarError(
        .unsupported,
        "cifar-runs ui needs libmicrohttpd: apt install libmicrohttpd12 (Debian, Ubuntu), dnf install "
          + "libmicrohttpd (Fedora), pacman -S libmicrohttpd (Arch), apk add libmicrohttpd (Alpine); "
          + "or write a page with cifar-runs report (\(reason.map(SystemText.escaped) ?? "not found"))"
      )
    }
    server = started
  }

  func stop() { microhttp_stop(server) }

  private static func respond(
    to request: microhttp_request, _ handler: Handler
  ) -> HTTPResponse {
    func text(_ bytes: UnsafePointer<CChar>?) -> String? { bytes.map(SystemText.escaped) }
    if request.headers_size > limits.headers {
      return .error(431, "the headers of a request have \(limits.headers) bytes at most")
    }
    if request.has_body { return .error(413, "a request to this page has no body") }
    if let refusal = handler.access.refusal(
      method: text(request.method), host: request.host_count == 1 ? text(request.host) : nil,
      fetchSite: text(request.fetch_site))
    {
      return refusal
    }
    guard let target = text(request.target).flatMap(HTTPTarget.init) else {
      return .error(400, "the address is not a path with a query in UTF-8")
    }
    let response = handler.answer(target)
    guard let etag = response.etag, text(request.if_none_match) == etag else { return response }
    return HTTPResponse(status: 304, type: nil, body: [], etag: etag)
  }
}

/// A socket that listens at 127.0.0.1.
private struct LoopbackSocket {
  let descriptor: Int32
  let port: UInt16

  init(port: UInt16) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    func failure(_ code: Int32) -> CifarError {
      if descriptor >= 0 { close(descriptor) }
      if code == EADDRINUSE {
        return CifarError(
          .io,
          "port \(port) of 127.0.0.1 is in use, perhaps by another cifar-runs ui; --port "
            + "\(port == .max ? port - 1 : port + 1) takes another, --port 0 any that is free")
      }
      if code == EACCES {
        return CifarError(
          .io, "port \(port) is for the system's services; take one from 1024 on, --port 8321")
      }
      return CifarError(
        .io, "cannot listen at 127.0.0.1, port \(port): \(String(cString: strerror(code)))")
    }
    guard descriptor >= 0 else { throw failure(errno) }
    var one: Int32 = 1
    // A page that was just ended leaves connections behind that wait for their end.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        guard bind(descriptor, pointer, size) == 0, listen(descriptor, 64) == 0,
          getsockname(descriptor, pointer, &size) == 0
        else { return errno }
        return 0
      }
    }
    guard code == 0 else { throw failure(code) }
    self.descriptor = descriptor
    self.port = UInt16(bigEndian: address.sin_port)
  }
}
