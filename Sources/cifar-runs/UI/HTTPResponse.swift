import CMicroHTTP
import CifarCore
import CommandSupport
import Glibc

/// An answer of the page's server.
struct HTTPResponse {
  var status: UInt32
  var type: String?
  var body: [UInt8]
  /// Known to whoever asks again: the same body is not sent twice.
  var etag: String?
  var headers: [(name: String, value: String)] = []

  /// What every answer says: that only this page's own files may run, and only here.
  private static let standing: [(name: String, value: String)] = [
    (
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"), ("Cache-Control", "no-cache"),
  ]

  init(status: UInt32 = 200, type: String?, body: [UInt8], etag: String? = nil) {
    (self.status, self.type, self.body, self.etag) = (status, type, body, etag)
  }

  /// With an entity tag of the body.
  init(type: String, text: String) {
    self.init(type: type, body: Array(text.utf8))
    etag = "\"\(SHA256.hexadecimal(of: body).prefix(32))\""
  }

  static func json(_ value: JSONValue) -> HTTPResponse {
    HTTPResponse(type: "application/json", text: value.text(indented: false))
  }

  static func error(_ status: UInt32, _ message: String) -> HTTPResponse {
    let text = JSONValue.object(["error": .string(message)]).text(indented: false)
    return HTTPResponse(status: status, type: "application/json", body: Array(text.utf8))
  }

  /// - Parameter connection: of the request that it answers.
  func send(on connection: OpaquePointer) {
    var all = HTTPResponse.standing + headers
    if let type { all.append(("Content-Type", type + "; charset=utf-8")) }
    if let etag { all.append(("ETag", etag)) }
    let copies = all.map { (strdup($0.name), strdup($0.value)) }
    defer {
      for (name, value) in copies {
        free(name)
        free(value)
      }
    }
    let list = copies.map { microhttp_header(name: $0.0, value: $0.1) }
    body.withUnsafeBytes { bytes in
      microhttp_reply(connection, status, bytes.baseAddress, bytes.count, list, list.count)
    }
  }
}
