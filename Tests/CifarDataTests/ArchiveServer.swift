import Foundation
import Glibc
import Synchronization

/// A web server with one file, on the loopback. It answers one request at a time.
final class ArchiveServer: Sendable {
  enum Manner: Sendable {
    /// Knows `Range: bytes=N-`.
    case whole
    /// Gives all the bytes, whatever range is asked for.
    case withoutRanges
    /// Breaks off the first answer after this many bytes.
    case breaksOff(after: Int)
    /// Sends this many bytes of the first answer, and then nothing for some seconds.
    case fallsSilent(after: Int)
    case notFound
  }

  let port: UInt16
  private let socket: Int32
  private let content: [UInt8]
  private let log = Mutex<[String]>([])
  private let manner: Manner

  init(_ content: [UInt8], _ manner: Manner = .whole) throws {
    self.content = content
    self.manner = manner
    let listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    socket = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let size = length
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 8) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    guard bound else { throw CocoaError(.fileReadUnknown) }
    Thread.detachNewThread { [self] in serve() }
  }

  /// Ends the server; the next caller is refused.
  func close() {
    shutdown(socket, Int32(SHUT_RDWR))
    Glibc.close(socket)
  }

  var url: String { "http://127.0.0.1:\(port)" }

  /// The first line of each request, and its range if it asked for one.
  var requests: [String] { log.withLock { $0 } }

  private func serve() {
    while true {
      let connection = accept(socket, nil, nil)
      guard connection >= 0 else { return }
      answer(request(from: connection), to: connection)
      Glibc.close(connection)
    }
  }

  private func request(from connection: Int32) -> [String] {
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !text.contains("\r\n\r\n") {
      let got = recv(connection, &buffer, buffer.count, 0)
      guard got > 0 else { break }
      text += String(decoding: buffer[0..<got], as: UTF8.self)
    }
    return text.components(separatedBy: "\r\n")
  }

  private func answer(_ request: [String], to connection: Int32) {
    let range = request.first { $0.hasPrefix("Range: bytes=") }
    let isFirst = log.withLock { log in
      log.append([request[0], range].compactMap { $0 }.joined(separator: " "))
      return log.count == 1
    }
    var start = range.flatMap { Int($0.dropFirst("Range: bytes=".count).dropLast()) } ?? 0
    var end = content.count
    var status = start > 0 ? "206 Partial Content" : "200 OK"
    switch manner {
    case .whole: break
    case .withoutRanges: (start, status) = (0, "200 OK")
    case .breaksOff(let count), .fallsSilent(let count): if isFirst { end = count }
    case .notFound: (start, end, status) = (content.count, content.count, "404 Not Found")
    }
    if start >= content.count, status.hasPrefix("206") {
      status = "416 Range Not Satisfiable"
      start = content.count
    }
    var head = "HTTP/1.1 \(status)\r\nConnection: close\r\n"
    head += "Content-Length: \(content.count - start)\r\n"
    if status.hasPrefix("206") {
      head += "Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)\r\n"
    }
    for part in [Array("\(head)\r\n".utf8), Array(content[start..<max(start, end)])] {
      var sent = 0
      while sent < part.count {
        let put = part.withUnsafeBytes {
          send(connection, $0.baseAddress! + sent, part.count - sent, Int32(MSG_NOSIGNAL))
        }
        guard put > 0 else { return }
        sent += put
      }
    }
    if case .fallsSilent = manner, isFirst { sleep(4) }
  }
}
