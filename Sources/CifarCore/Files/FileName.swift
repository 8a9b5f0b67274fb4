import Glibc

/// A word that may be the name of a file.
public enum FileName {
  public static func isDirectory(_ name: String) -> Bool {
    var status = stat()
    return stat(name, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether there is such a file; a directory is none.
  public static func isFile(_ name: String) -> Bool {
    var status = stat()
    return stat(name, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
  }
}
