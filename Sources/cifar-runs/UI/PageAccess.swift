/// Who may ask the page's server: a browser that shows this page, on this machine.
///
/// Any web site can have a browser send requests to 127.0.0.1, and can have a name of its own lead
/// there (DNS rebinding). The first are known by `Sec-Fetch-Site`, the second by `Host`.
struct PageAccess {
  private let hosts: Set<String>

  init(port: UInt16) {
    let names = ["127.0.0.1", "localhost", "[::1]"]
    hosts = Set(names.map { "\($0):\(port)" } + (port == 80 ? names : []))
  }

  /// - Parameter host: nil unless there is exactly one.
  /// - Returns: the answer to a request that is refused.
  func refusal(method: String?, host: String?, fetchSite: String?) -> HTTPResponse? {
    guard let host, hosts.contains(host.lowercased()) else {
      return .error(403, "this page is at \(hosts.sorted().joined(separator: ", ")) only")
    }
    if let fetchSite, !["same-origin", "none"].contains(fetchSite.lowercased()) {
      return .error(403, "another site asked for it; type the address into the browser")
    }
    guard method == "GET" || method == "HEAD" else {
      var response = HTTPResponse.error(405, "this page can only be read")
      response.headers.append(("Allow", "GET, HEAD"))
      return response
    }
    return nil
  }
}
