import Glibc

/// Paths that mean the same file from every working directory.
public enum AbsolutePath {
  /// `path` from the root on; links in it stay. An empty one stays empty, and so does any where the
  /// working directory is gone or its name is not UTF-8.
  public static func of(_ path: String) -> String {
    guard !path.isEmpty, !path.hasPrefix("/") else { return path }
    guard let pointer = getcwd(nil, 0) else { return path }
    defer { free(pointer) }
    guard let directory = String(validatingCString: pointer) else { return path }
    var rest = path[...]
    while rest.hasPrefix("./") { rest = rest.dropFirst(2).drop { $0 == "/" } }
    if rest.isEmpty || rest == "." { return directory }
    return directory == "/" ? "/\(rest)" : "\(directory)/\(rest)"
  }
}
